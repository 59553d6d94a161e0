"""CLIP and SigLIP 2: pictures and words in one space. PyTorch is imported by ``load``, not by this package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imagequarry.engines.huggingface.clip.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from imagequarry.engines.huggingface.clip.engine import Clip


def load(
    path: Path,
    device: str = "cpu",
    dtype: str = "float32",
    vocabulary: Sequence[str] = VOCABULARY,
    threshold: float | None = None,
) -> Clip:
    """The model in a hub folder: ``config.json``, ``*.safetensors`` and ``tokenizer.json``.

    ``vocabulary`` and ``threshold`` are for its tags, see ``Clip``. ``dtype`` is ``float32``, ``bfloat16`` or ``auto``
    (bfloat16 where the device is fast in it). Raises InvalidInput for a vocabulary or threshold that cannot be used,
    ModelUnavailable where something is not there, ModelLoadFailed where it is damaged or another model, OutOfMemory.
    """
    from imagequarry.engines.huggingface.clip.engine import read

    return read(path, device, dtype, vocabulary, threshold)
