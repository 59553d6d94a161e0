"""Depth Anything V2 (Yang et al. 2024): from a picture to how near each place is, in floating point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import DepthAnythingForDepthEstimation

from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface.folders import dtype_of, from_folder, settings_of
from imagequarry.engines.huggingface.memory import bounded, held
from imagequarry.errors import ModelFailure, ModelLoadFailed, ModelUnavailable

Floats = NDArray[np.float32]

# As published: the shorter way to 518 pixels, each side a multiple of a patch, colours of ImageNet.
SIDE, PATCH = 518, 14
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
# A longer strip is squeezed: its patches all look at each other.
LONGEST = 1554


class DepthNetwork:
    """A loaded model. Keeps nothing between calls, so any number of threads may call it."""

    def __init__(self, model: Any, device: torch.device, dtype: torch.dtype) -> None:
        self._model = model.eval().requires_grad_(False).to(device, dtype)
        self._device, self._dtype = device, dtype
        # Metric releases tell distances, where near is small.
        self._metric = model.config.depth_estimation_type == "metric"

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return held(self._model)

    def nearness(self, image: Raster) -> Floats:
        """(h, w) how near each place of the picture is, 0 (furthest) to 1, at the size the model works in.

        Even where all of it is equally far. Raises OutOfMemory, and ModelFailure where the model answers no numbers.
        """
        with bounded(), torch.inference_mode():
            values = torch.from_numpy(prepared(image))[None].to(self._device, self._dtype)
            depth = self._model(pixel_values=values).predicted_depth[0].float().cpu().numpy()
        if not np.isfinite(depth).all():
            raise ModelFailure("The depth model gave no usable depth for this picture.")
        near = 1 / np.maximum(depth, 1e-3) if self._metric else depth
        low, high = float(near.min()), float(near.max())
        if high - low < 1e-6 * max(abs(high), 1.0):
            return np.full(near.shape, 0.5, np.float32)
        return np.asarray((near - low) / (high - low), np.float32)


def prepared(image: Raster) -> Floats:
    """(3, h, w) the picture as the model was trained on it, value for value that of its published processor."""
    size = working_size(image.width, image.height)
    pixels = Image.fromarray(image.rgb).resize(size, Image.Resampling.BICUBIC)
    values = (np.asarray(pixels, np.float32) / np.float32(255) - MEAN) / STD
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)


def working_size(width: int, height: int) -> tuple[int, int]:
    """Width and height in the model's pixels: scaled by as little as brings one side to 518, as published."""
    across, down = SIDE / width, SIDE / height
    scale = across if abs(1 - across) < abs(1 - down) else down
    scale = min(scale, LONGEST / max(width, height))
    return _in_patches(width * scale), _in_patches(height * scale)


def _in_patches(length: float) -> int:
    return max(1, round(length / PATCH)) * PATCH


def read(path: Path, device: str, dtype: str) -> DepthNetwork:
    """The network in a hub folder; see ``imagequarry.engines.huggingface.depth.load``."""
    if not path.is_dir():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    settings = settings_of(path)
    backbone = settings.get("backbone_config")
    # Another backbone, or one by name alone, would be another model that transformers fetches or builds.
    known = isinstance(backbone, dict) and backbone.get("model_type") == "dinov2" and not settings.get("backbone")
    if settings.get("model_type") != "depth_anything" or not known:
        raise ModelLoadFailed(f"The weights in {path.name!r} are of no Depth Anything model.")
    with bounded():
        model = from_folder(path, DepthAnythingForDepthEstimation, settings)
        return DepthNetwork(model, torch.device(device), dtype_of(device, dtype))
