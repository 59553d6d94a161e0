"""Segment Anything in all its variants: SAM, SAM 2.1, EdgeTAM and SAM 3, behind one ``Segmenter``.

PyTorch and transformers are imported by ``load``, not by this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagequarry.engines.huggingface.sam.engine import SamSegmenter
    from imagequarry.engines.huggingface.sam.words import SamWords


def load(path: Path, device: str = "cpu", dtype: str = "float32") -> SamSegmenter:
    """The model in a hub folder (``config.json`` with ``*.safetensors``) or in an original SAM checkpoint (``*.pth``).

    ``dtype`` is ``float32`` (exact), ``bfloat16`` (fast) or ``auto`` (bfloat16 where the device computes in it).
    Raises ModelUnavailable where there is nothing at the path or PyTorch is not installed, ModelLoadFailed where what
    is there is no SAM model, and OutOfMemory. Nothing that a file contains is ever executed.
    """
    from imagequarry.engines.huggingface.sam.engine import SamSegmenter
    from imagequarry.engines.huggingface.sam.weights import read

    return SamSegmenter(read(path, device, dtype))


def load_words(path: Path, device: str = "cpu", dtype: str = "float32") -> SamWords:
    """SAM 3's detector, which finds what a few words name, in the same hub folder; errors as ``load``'s."""
    from imagequarry.engines.huggingface.sam.words import read

    return read(path, device, dtype)
