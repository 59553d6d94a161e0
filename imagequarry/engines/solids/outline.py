"""Where a subject ends, to a fraction of a pixel: a mask's staircase smoothed without losing one of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from imagequarry.domain.mask import BoolArray, Mask
from imagequarry.engines.solids.fields import Floats

# What is finer than this many pixels of the longer side no triangle of ours would show.
MOST_PIXELS = 1536
MARGIN = 3

_SMOOTHING = 1.6  # pixels
# How far beyond one half the value of a pixel stays on its side, whatever its neighbours are.
_SIDE = 0.05


@dataclass(frozen=True, slots=True)
class Outline:
    """A mask cut to its box, and ``MARGIN`` pixels around it, at most MOST_PIXELS a side.

    ``level`` (h, w) float32 is above one half at the pixels of the mask, below at all others, and one half where the
    outline runs; ``distance`` (h, w) float32 are pixels to the outline, 0 outside. A place (x, y) in these arrays is
    that at ``(x0 + x * scale, y0 + y * scale)`` in the picture, pixel centres being whole numbers in both.
    """

    level: Floats = field(repr=False)
    distance: Floats = field(repr=False)
    inside: BoolArray = field(repr=False)
    x0: float
    y0: float
    scale: float

    @property
    def deepest(self) -> tuple[int, int]:
        """The pixel (x, y) of the mask farthest from its outline."""
        row, column = np.unravel_index(int(np.where(self.inside, self.distance, -1).argmax()), self.inside.shape)
        return int(column), int(row)


def outline_of(mask: Mask) -> Outline:
    """The outline of a mask that is not empty."""
    rows, columns = mask.window()
    crop = mask.crop()
    scale = max(1.0, max(crop.shape) / MOST_PIXELS)
    inside = np.pad(_shrunk(crop, scale), MARGIN)
    plain = inside.astype(np.float32)
    level = np.asarray(cv2.GaussianBlur(plain, (0, 0), _SMOOTHING), np.float32)
    level = np.where(inside, np.maximum(level, 0.5 + _SIDE), np.minimum(level, 0.5 - _SIDE))
    pixels = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Between pixel centres the distance is half a pixel too long; blurred it forgets the steps of the staircase.
    distance = cv2.GaussianBlur(np.maximum(np.asarray(pixels, np.float32) - 0.5, 0), (0, 0), _SMOOTHING)
    return Outline(
        level.astype(np.float32),
        np.where(inside, distance, 0).astype(np.float32),
        inside,
        columns.start + (scale - 1) / 2 - MARGIN * scale,
        rows.start + (scale - 1) / 2 - MARGIN * scale,
        scale,
    )


def _shrunk(crop: BoolArray, scale: float) -> BoolArray:
    if scale == 1.0:
        return crop
    size = tuple(max(1, round(side / scale)) for side in crop.shape[::-1])
    cover = np.asarray(cv2.resize(crop.astype(np.float32), size, interpolation=cv2.INTER_AREA))
    # A mask all of hairlines covers half of no pixel.
    kept: BoolArray = cover >= min(0.5, float(cover.max()))
    return kept
