"""Ways in which a folder of weights is not what it should be, each with what is to be raised."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from imagequarry.errors import ModelFailure, ModelLoadFailed, ModelUnavailable

Damage = Callable[[Path], object]


def configured(folder: Path, **changes: Any) -> None:
    """Change the folder's configuration; a dictionary changes what it names inside."""
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) and key in config else value
    (folder / "config.json").write_text(json.dumps(config))


def truncated(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(5000)


def one_tensor_less(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors[next(name for name in sorted(tensors) if name.endswith("weight") and ".layer" in name)]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def another_shape(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in sorted(tensors) if name.endswith("weight") and ".layer" in name)
    tensors[name] = tensors[name].repeat(2, *[1] * (tensors[name].dim() - 1))
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(folder / "sprung"), protocol=2))


def no_tokenizer(folder: Path) -> None:
    for file in [*folder.glob("tokenizer*"), *folder.glob("vocab*")]:
        file.unlink()


def _written(name: str, text: str) -> Damage:
    return lambda folder: (folder / name).write_text(text)


DAMAGES: dict[str, tuple[Damage, type[ModelFailure]]] = {
    "truncated": (truncated, ModelLoadFailed),
    "a tensor is missing": (one_tensor_less, ModelLoadFailed),
    "a tensor has another shape": (another_shape, ModelLoadFailed),
    "no weights but a pickle": (only_a_pickle, ModelUnavailable),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), ModelUnavailable),
    "configuration is no JSON": (_written("config.json", "{"), ModelLoadFailed),
    "configuration is a list": (_written("config.json", "[]"), ModelLoadFailed),
    "configuration nests without end": (_written("config.json", '{"a":' * 100_000), ModelLoadFailed),
    "another architecture": (_written("config.json", '{"model_type": "gpt2"}'), ModelLoadFailed),
    "no tokenizer": (no_tokenizer, ModelUnavailable),
    "damaged tokenizer": (_written("tokenizer.json", "{"), ModelLoadFailed),
}
