"""Depth Anything, which sees how far things are. PyTorch is imported by ``load``, not by this package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagequarry.engines.huggingface.depth.engine import DepthSolids


def load(path: Path, device: str = "cpu", dtype: str = "float32") -> DepthSolids:
    """The maker of meshes over the depth model in a hub folder: ``config.json`` and ``*.safetensors``.

    ``dtype`` is ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device is fast in it). Raises
    ModelUnavailable where something is not there, ModelLoadFailed where it is damaged or of another model, and
    OutOfMemory.
    """
    from imagequarry.engines.huggingface.depth.engine import DepthSolids
    from imagequarry.engines.huggingface.depth.network import read

    return DepthSolids(read(path, device, dtype))
