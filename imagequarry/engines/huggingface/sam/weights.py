"""Weights from disk: hub folders and original checkpoints, read without ever executing what they contain."""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from imagequarry.engines.huggingface.sam.families import SAM, Family, family_of
from imagequarry.engines.huggingface.sam.memory import bounded
from imagequarry.engines.huggingface.sam.original import UnknownLayout, from_original
from imagequarry.errors import ModelLoadFailed, ModelUnavailable

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to run, and what it is."""

    family: Family
    model: Any
    device: torch.device
    dtype: torch.dtype


def read(path: Path, device: str, dtype: str) -> Loaded:
    """The model at a path; see ``imagequarry.engines.huggingface.sam.load``."""
    where = torch.device(device)
    kind = DTYPES[best_dtype(device) if dtype == "auto" else dtype]
    if not path.exists():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    with bounded():
        family, model = _folder(path) if path.is_dir() else (SAM, _checkpoint(path))
        return Loaded(family, _settled(model, where, kind), where, kind)


def best_dtype(device: str) -> str:
    """``bfloat16`` where the device multiplies matrices in it at least as fast as in float32, else ``float32``."""
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device != "cpu":
        return "float32"
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return "bfloat16" if any(getattr(torch.cpu, check, bool)() for check in checks) else "float32"


def _folder(folder: Path) -> tuple[Family, Any]:
    family = family_of(_model_type(folder))
    if family is None:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are of no SAM model.")
    if not any(folder.glob("*.safetensors")):
        raise ModelUnavailable(f"The folder {folder.name!r} holds no safetensors weights.")
    return family, from_folder(folder, family.model_class)


def from_folder(folder: Path, class_name: str) -> Any:
    """The model of a transformers class from a hub folder, complete or not at all."""
    import transformers

    builder = getattr(transformers, class_name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, info = builder.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
            )
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are damaged or of another model.") from error
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are incomplete or of another model.")
    return model


def _model_type(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise ModelUnavailable(f"The folder {folder.name!r} holds no config.json.") from error
    except (OSError, ValueError) as error:
        raise ModelLoadFailed(f"The config.json in {folder.name!r} cannot be read.") from error
    found = config.get("model_type") if isinstance(config, dict) else None
    return found if isinstance(found, str) else ""


def _checkpoint(path: Path) -> Any:
    try:
        # Refuses every pickled object but tensors and plain values, before it is made.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelLoadFailed(
            f"The checkpoint {path.name!r} holds more than weights; nothing of it was run."
        ) from error
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise ModelLoadFailed(f"The checkpoint {path.name!r} is damaged or incomplete.") from error
    try:
        return from_original(state)
    except UnknownLayout as error:
        raise ModelLoadFailed(f"The checkpoint {path.name!r} is no original SAM checkpoint: {error}.") from error


def _settled(model: Any, device: torch.device, dtype: torch.dtype) -> Any:
    model = model.eval().requires_grad_(False).to(device, dtype)
    # Positions are sines of large arguments, which bfloat16 would scramble.
    model.prompt_encoder.float()
    model.shared_image_embedding.float()
    return model
