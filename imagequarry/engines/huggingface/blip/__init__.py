"""BLIP, which says in a sentence what a picture shows. PyTorch is imported by ``load``, not by this package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagequarry.engines.huggingface.blip.captioner import BlipCaptioner


def load(path: Path, device: str = "cpu", dtype: str = "float32") -> BlipCaptioner:
    """The captioner in a hub folder: ``config.json``, ``*.safetensors``, and ``tokenizer.json`` or ``vocab.txt``.

    ``dtype`` is ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device is fast in it). Raises
    ModelUnavailable where something is not there, ModelLoadFailed where it is damaged or no BLIP, and OutOfMemory.
    """
    from imagequarry.engines.huggingface.blip.captioner import read

    return read(path, device, dtype)
