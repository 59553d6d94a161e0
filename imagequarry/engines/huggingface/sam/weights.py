"""Weights from disk: hub folders and original checkpoints, read without ever executing what they contain."""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from imagequarry.engines.huggingface.sam.attention import quicken
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
    where, kind = torch.device(device), dtype_of(device, dtype)
    if not path.exists():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    with bounded():
        family, model = _folder(path) if path.is_dir() else (SAM, _checkpoint(path))
        model = settled(model, where, kind)
        if family is SAM and kind == torch.bfloat16:
            quicken(model.vision_encoder)
        return Loaded(family, model, where, kind)


def dtype_of(device: str, name: str) -> torch.dtype:
    """The type that ``float32``, ``bfloat16`` or ``auto`` stands for on a device."""
    return DTYPES[best_dtype(device) if name == "auto" else name]


def best_dtype(device: str) -> str:
    """``bfloat16`` where the device multiplies matrices in it at least as fast as in float32, else ``float32``."""
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device != "cpu":
        return "float32"
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return "bfloat16" if any(getattr(torch.cpu, check, bool)() for check in checks) else "float32"


def _folder(folder: Path) -> tuple[Family, Any]:
    settings = settings_of(folder)
    family = family_of(str(settings.get("model_type")))
    if family is None:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are of no SAM model.")
    if not any(folder.glob("*.safetensors")):
        raise ModelUnavailable(f"The folder {folder.name!r} holds no safetensors weights.")
    return family, from_folder(folder, family.model_class, settings)


def from_folder(folder: Path, class_name: str, settings: dict[str, Any]) -> Any:
    """The model of a transformers class from a hub folder, complete or not at all."""
    import transformers

    builder = getattr(transformers, class_name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, info = builder.from_pretrained(
                folder,
                config=_config(builder, settings),
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


def settings_of(folder: Path) -> dict[str, Any]:
    """What a hub folder's ``config.json`` holds."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise ModelUnavailable(f"The folder {folder.name!r} holds no config.json.") from error
    except (OSError, ValueError) as error:
        raise ModelLoadFailed(f"The config.json in {folder.name!r} cannot be read.") from error
    if not isinstance(config, dict):
        raise ModelLoadFailed(f"The config.json in {folder.name!r} cannot be read.")
    return config


def _config(builder: Any, settings: dict[str, Any]) -> Any:
    """The configuration of a model class, from the part of the settings that is about it."""
    if builder.__name__ == "EdgeTamModel":
        from imagequarry.engines.huggingface.sam.repvit import edgetam_config

        return edgetam_config(settings)
    part = {"Sam3TrackerModel": "tracker_config", "Sam3Model": "detector_config"}.get(builder.__name__)
    return builder.config_class.from_dict(settings.get(part, settings) if part else settings)


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


def settled(model: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """The model ready to run, never to train, in its type and place."""
    model = model.eval().requires_grad_(False).to(device, dtype)
    # Positions are sines of large arguments, which bfloat16 would scramble.
    model.prompt_encoder.float()
    model.shared_image_embedding.float()
    patches = getattr(model.vision_encoder, "patch_embed", None)
    if patches is not None:
        # Channels come out of the convolution far apart, and every later layer would keep and pay for that order.
        patches.register_forward_hook(lambda _module, _inputs, tokens: tokens.contiguous())
    return model
