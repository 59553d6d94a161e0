"""Flat outlines blown up: the height of a skin over an outline that is pushed from below.

The height is the square root of the solution u of Poisson's equation, laplace(u) = -4 with u = 0 on the outline: a disc
becomes a half ball, and no crease runs along the middle as with the distance to the outline.
"""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.domain.mask import BoolArray
from imagequarry.engines.solids.fields import Floats
from imagequarry.engines.solids.outline import Outline

MOST_SIDE = 320

_SMALLEST = 10
_SWEEPS = 40
_RIM = 5.0  # pixels of the coarse field beside the outline, where the distance knows better than the field


def inflated(outline: Outline) -> Floats:
    """Heights over an outline's pixels, (h, w) float32 in those pixels, 0 outside: a disc of radius r is r high."""
    height, width = outline.inside.shape
    scale = max(1.0, max(height, width) / MOST_SIDE)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    cover = np.asarray(cv2.resize(outline.inside.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    coarse = cover >= min(0.5, float(cover.max()))
    solution = _poisson(coarse, np.zeros_like(cover))
    # Beside the outline the field is a staircase of coarse pixels. There the solution is all but a plane: its slope
    # times the distance, and the distance is known in fine pixels.
    steps = np.asarray(cv2.distanceTransform(np.pad(coarse, 1).astype(np.uint8), cv2.DIST_L2, 5), np.float32)[
        1:-1, 1:-1
    ]
    away = np.maximum(steps - 0.5, 0.5)
    slope = _spread(np.where(coarse, solution / away, 0), coarse)
    distance = outline.distance / np.float32(scale)
    nearby = np.clip(1 - distance / _RIM, 0, 1)
    beside = _enlarged(slope, (width, height)) * distance
    amidst = np.maximum(_enlarged(solution, (width, height)), 0)
    squared = np.where(outline.inside, amidst + (beside - amidst) * nearby, 0)
    return np.asarray(np.sqrt(squared) * scale, np.float32)


def _poisson(inside: BoolArray, guess: Floats) -> Floats:
    """The solution with grid spacing 1 and zero outside, from that of half the size on."""
    height, width = inside.shape
    if max(height, width) > _SMALLEST:
        half = (max(1, width // 2), max(1, height // 2))
        cover = cv2.resize(inside.astype(np.float32), half, interpolation=cv2.INTER_AREA)
        rough = _poisson(np.asarray(cover) >= 0.5, np.zeros(half[::-1], np.float32))
        guess = _enlarged(rough, (width, height)) * np.float32((width / half[0]) ** 2)
    return _relaxed(inside, guess)


def _relaxed(inside: BoolArray, guess: Floats) -> Floats:
    """Successive over-relaxation in red-black order (Young 1954)."""
    field = np.pad(np.where(inside, guess, 0).astype(np.float32), 1)
    rows, columns = np.indices(inside.shape)
    even = (rows + columns) % 2 == 0
    # What lies outside stays as it is: nothing of an update reaches it.
    factor = 2 / (1 + np.sin(np.pi / (1 + max(_SMALLEST, min(max(inside.shape), 40)))))
    weights = [np.where(inside & colour, np.float32(factor), np.float32(0)) for colour in (even, ~even)]
    middle = field[1:-1, 1:-1]
    change = np.empty_like(middle)
    for _ in range(_SWEEPS):
        for weight in weights:
            np.add(field[:-2, 1:-1], field[2:, 1:-1], out=change)
            change += field[1:-1, :-2]
            change += field[1:-1, 2:]
            change += 4
            change *= np.float32(0.25)
            change -= middle
            change *= weight
            middle += change
    return np.maximum(middle, 0)


def _spread(field: Floats, inside: BoolArray) -> Floats:
    """The field blurred within the region and continued some pixels beyond."""
    weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.5)
    return np.asarray(cv2.GaussianBlur(field.astype(np.float32), (0, 0), 1.5) / np.maximum(weight, 1e-3), np.float32)


def _enlarged(field: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), np.float32)
