"""Pillow's bilinear resizing, level for level, on the device that the model is on.

SAM was trained on what Pillow makes of a picture. Of 12 megapixels that takes a processor 0.1 s, ten times as long as
a GPU takes for all that follows. After Pillow's ``Resample.c``: weights of a triangle as wide as the reduction, rounded
to 22 bits, each pass rounded to whole levels. Sums of 32 bits hold all of it, so no order of them matters.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BITS = 22
# As high as wide and this much more: beyond, Pillow takes the rows first.
_TALL = 1.9


def resizes(height: int, width: int) -> bool:
    """Whether a picture of that size is resized here as Pillow would, its form kept: all are but tall ones."""
    return height <= _TALL * width


def resized(rgb: Tensor, height: int, width: int) -> Tensor:
    """(height, width, 3) levels of an (H, W, 3) picture of bytes, of the same form."""
    for dim, size in ((1, width), (0, height)):
        if rgb.shape[dim] != size:
            rgb = _along(rgb, dim, size)
    return rgb


def _along(rgb: Tensor, dim: int, size: int) -> Tensor:
    source = rgb.shape[dim]
    first, weights = _weights(source, size)
    shape = [1, 1, 1]
    shape[dim] = size
    total: Tensor | None = None
    for tap, weight in enumerate(torch.from_numpy(weights).to(rgb.device).unbind(1)):
        # Beyond the last pixel weights are 0, but there must be something to multiply.
        at = torch.from_numpy(np.minimum(first + tap, source - 1)).to(rgb.device)
        part = rgb.index_select(dim, at).int() * weight.view(shape)
        total = part if total is None else total.add_(part)
    assert total is not None
    return (total.add_(1 << (_BITS - 1)) >> _BITS).clamp_(0, 255).byte()


@lru_cache(maxsize=32)
def _weights(source: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each of ``size`` pixels the first that it draws from, and (size, taps) weights, those without use being 0."""
    scale = source / size
    support = max(scale, 1.0)
    centre = (np.arange(size) + 0.5) * scale
    # Truncated towards zero, as C does.
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + support + 0.5).astype(np.int64), source)
    place = first[:, None] + np.arange(int((last - first).max()))
    weights = np.maximum(0.0, 1 - np.abs((place - centre[:, None] + 0.5) * (1 / support)))
    weights[place >= last[:, None]] = 0
    total = np.zeros(size)
    for tap in weights.T:  # in Pillow's order
        total += tap
    weights /= total[:, None]
    return first, (0.5 + weights * (1 << _BITS)).astype(np.int32)
