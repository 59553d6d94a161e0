"""A sentence-transformers model as a ``TextEncoder`` (Reimers and Gurevych 2019): a transformer and a mean."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from sentence_transformers import SentenceTransformer

from imagequarry.domain.describing import Vectors
from imagequarry.engines.huggingface.folders import settings_of
from imagequarry.engines.huggingface.memory import bounded, held
from imagequarry.engines.huggingface.threads import alone
from imagequarry.errors import ModelLoadFailed, ModelUnavailable

BATCH = 64

# What a folder may be made of. A name from anywhere else would be imported, and other parts bring weights of their own.
_PARTS = re.compile(r"sentence_transformers\.[a-z_.]*\b(Transformer|Pooling|Normalize)")
_PLACE = re.compile(r"|[0-9]_[A-Za-z]{1,40}")


class SentenceVectors:
    """A loaded sentence-transformers model. Any number of threads may call it."""

    def __init__(self, model: Any, device: torch.device, load_seconds: dict[str, float]) -> None:
        self._model = model.eval().requires_grad_(False).to(device)
        self._tokenizer = model[0].tokenizer
        self._longest = int(model.max_seq_length)
        self._device = device
        self._tokenizing = threading.Lock()
        self.load_seconds = load_seconds
        self.dimension: int = self._vectors(["a"]).shape[1]

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return held(self._model)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(N, dimension), a row of length 1 for each text; what is longer than the model reads is cut."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        # Texts of like length go together: a batch is as wide as its longest.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._vectors([texts[i] for i in batch])
        return vectors

    def _vectors(self, texts: list[str]) -> Vectors:
        # Not the library's own ``encode``: that guesses whether a text is the address of a picture, and two threads in
        # one tokenizer make it fail, since each call sets how it pads.
        with bounded(), torch.inference_mode(), alone():
            with self._tokenizing:
                tokens = self._tokenizer(
                    texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
                )
            vectors = self._model({name: tensor.to(self._device) for name, tensor in tokens.items()})
            units = torch.nn.functional.normalize(vectors["sentence_embedding"].float(), dim=1)
            return np.asarray(units.cpu().numpy(), np.float32)


def read(path: Path, device: str) -> SentenceVectors:
    """The model in a hub folder; see ``imagequarry.engines.huggingface.sentences.load``."""
    if not path.is_dir():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    settings_of(path)
    _check_parts(path)
    if not any(path.glob("*.safetensors")):
        raise ModelUnavailable(f"The folder {path.name!r} holds no safetensors weights.")
    if not any((path / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise ModelUnavailable(f"The folder {path.name!r} holds no tokenizer.")
    started = time.perf_counter()
    with bounded():
        try:
            model: Any = SentenceTransformer(
                str(path),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
            missing = set(dict(model[0].auto_model.named_parameters())) - _stored(path)
            seconds = time.perf_counter() - started
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # a damaged file can make the reader fail in any way
            raise ModelLoadFailed(f"The weights in {path.name!r} are damaged or of another model.") from error
        # transformers would make up what is not there.
        if missing:
            raise ModelLoadFailed(f"The weights in {path.name!r} are incomplete or of another model.")
        if not 0 < len(model[0].tokenizer) <= model[0].auto_model.config.vocab_size:
            raise ModelLoadFailed(f"The tokenizer in {path.name!r} is of another model.")
        where = torch.device(device)
        return SentenceVectors(model, where, {"model": seconds})


def _check_parts(folder: Path) -> None:
    """ModelLoadFailed unless ``modules.json`` names parts that are known to be safe and have no weights but one."""
    try:
        parts = json.loads((folder / "modules.json").read_bytes())
        known = all(_PARTS.fullmatch(part["type"]) and _PLACE.fullmatch(part["path"]) for part in parts)
        first, *others = (part["type"].rpartition(".")[2] for part in parts)
    except FileNotFoundError as error:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are of no sentence-transformers model.") from error
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelLoadFailed(f"The modules.json in {folder.name!r} cannot be read.") from error
    if not known or first != "Transformer" or "Transformer" in others or parts[0]["path"]:
        raise ModelLoadFailed(f"The model in {folder.name!r} is made of parts that are not known to be safe.")
    for file in folder.glob("sentence_*_config.json"):
        # Arguments for the readers of weights: they could ask for a pickle.
        if any(value for key, value in settings_of(folder, file.name).items() if key.endswith(("_args", "_kwargs"))):
            raise ModelLoadFailed(f"The {file.name} in {folder.name!r} asks for more than it may.")


def _stored(folder: Path) -> set[str]:
    """Names of the tensors in the folder's safetensors, with and without the word for the model before them."""
    names: set[str] = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            names.update(tensors.keys())
    return names | {name.partition(".")[2] for name in names}
