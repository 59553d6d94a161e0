"""Text vectors by models in the layout of sentence-transformers, which is imported by ``load``, not by this package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagequarry.engines.huggingface.sentences.vectors import SentenceVectors


def load(path: Path, device: str = "cpu") -> SentenceVectors:
    """The model in a hub folder: ``modules.json``, ``config.json``, ``*.safetensors``, tokenizer, ``1_Pooling``.

    It computes in float32 whatever the device is fast in: it is small, and its vectors are kept. Raises
    ModelUnavailable where something is not there, ModelLoadFailed where it is damaged or another kind of model, and
    OutOfMemory. No network is used, and nothing that a file contains is ever executed.
    """
    from imagequarry.engines.huggingface.sentences.vectors import read

    return read(path, device)
