"""Weights from disk: hub folders and original checkpoints, read without ever executing what they contain."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from imagequarry.engines.huggingface.folders import dtype_of, from_folder, settings_of
from imagequarry.engines.huggingface.memory import bounded
from imagequarry.engines.huggingface.sam.attention import quicken
from imagequarry.engines.huggingface.sam.families import SAM, Family, family_of
from imagequarry.engines.huggingface.sam.original import UnknownLayout, from_original
from imagequarry.errors import ModelLoadFailed, ModelUnavailable


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


def _folder(folder: Path) -> tuple[Family, Any]:
    settings = settings_of(folder)
    family = family_of(str(settings.get("model_type")))
    if family is None:
        raise ModelLoadFailed(f"The weights in {folder.name!r} are of no SAM model.")
    import transformers

    return family, from_folder(folder, getattr(transformers, family.model_class), settings, configured)


def configured(builder: Any, settings: dict[str, Any]) -> Any:
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
