"""Models and tokenizers in the hub's layout, read from disk whole or not at all; nothing in a file is ever executed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from imagequarry.errors import ModelLoadFailed, ModelUnavailable

# Loading takes a second, and its bar would run through the logs and through those of our own commands.
logging.disable_progress_bar()  # type: ignore[no-untyped-call]

# Exact is exact on a GPU too: PyTorch would let convolutions round their factors to ten bits there.
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

# Words of a configuration by which transformers would fetch or choose code rather than build the model it is told to.
_NOT_OURS = {"auto_map", "quantization_config", "attn_implementation", "_attn_implementation"}
# The largest models have a tenth of this; each layer is made before any weight is read.
_MOST_LAYERS = 1000


def dtype_of(device: str, name: str) -> torch.dtype:
    """The type that ``float32``, ``bfloat16`` or ``auto`` stands for on a device."""
    return DTYPES[best_dtype(device) if name == "auto" else name]


def best_dtype(device: str) -> str:
    """``bfloat16`` where the device multiplies matrices in it at least as fast as in float32, else ``float32``."""
    if device.startswith("cuda"):
        # Cards before Ampere emulate it, more slowly than they compute in float32.
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device != "cpu":
        return "float32"
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return "bfloat16" if any(getattr(torch.cpu, check, bool)() for check in checks) else "float32"


def settings_of(folder: Path, file: str = "config.json") -> dict[str, Any]:
    """What a hub folder's ``config.json`` holds, without what chooses code.

    Raises ModelUnavailable where there is none, ModelLoadFailed where it cannot be read or used.
    """
    try:
        config = json.loads((folder / file).read_bytes())
    except FileNotFoundError as error:
        raise ModelUnavailable(f"The folder {folder.name!r} holds no {file}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadFailed(f"The {file} in {folder.name!r} cannot be read.") from error
    if not isinstance(config, dict):
        raise ModelLoadFailed(f"The {file} in {folder.name!r} cannot be read.")
    return _harmless(config, folder)


def _harmless(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    layers = config.get("num_hidden_layers")
    if isinstance(layers, (int, float)) and layers > _MOST_LAYERS:
        raise ModelLoadFailed(f"The config.json in {folder.name!r} is of a model larger than any.")
    return {
        key: _harmless(value, folder) if isinstance(value, dict) else value
        for key, value in config.items()
        if key not in _NOT_OURS
    }


def _as_published(builder: Any, settings: dict[str, Any]) -> Any:
    return builder.config_class.from_dict(settings)


def from_folder(
    folder: Path,
    builder: Any,
    settings: dict[str, Any],
    configured: Callable[[Any, dict[str, Any]], Any] = _as_published,
) -> Any:
    """The model of a transformers class from a hub folder's safetensors in float32, complete or not at all.

    ``configured`` makes the class's configuration of the folder's settings. Raises ModelUnavailable where there are
    no safetensors, ModelLoadFailed.
    """
    if not any(folder.glob("*.safetensors")):
        raise ModelUnavailable(f"The folder {folder.name!r} holds no safetensors weights.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, info = builder.from_pretrained(
                folder,
                config=configured(builder, settings),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
            )
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are damaged or of another model.") from error
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are incomplete or of another model.")
    return model


def tokenizer_of(folder: Path, builder: Any, vocabulary: str, size: int) -> Any:
    """The tokenizer of a transformers class from a hub folder: its ``tokenizer.json`` or the file ``vocabulary``.

    ``size`` is how many words the model knows. Raises ModelUnavailable where there is none, ModelLoadFailed.
    """
    # Without its files transformers makes one that knows no word, and says nothing.
    if not any((folder / name).is_file() for name in ("tokenizer.json", vocabulary)):
        raise ModelUnavailable(f"The folder {folder.name!r} holds no tokenizer.")
    try:
        tokenizer = builder.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a damaged file can make the reader fail in any way
        raise ModelLoadFailed(f"The tokenizer in {folder.name!r} is damaged.") from error
    if not 0 < len(tokenizer) <= size:
        raise ModelLoadFailed(f"The tokenizer in {folder.name!r} is of another model.")
    return tokenizer
