"""Arrays read between their pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def at_grid(field: Floats, xs: Floats, ys: Floats) -> Floats:
    """(len(ys), len(xs)) bilinear values at the crossings of columns and rows, in pixels; beyond the edge its value."""
    top, down = _neighbours(ys, field.shape[0])
    rows = field[top]
    rows += (field[np.minimum(top + 1, field.shape[0] - 1)] - rows) * down[:, None]
    left, right = _neighbours(xs, field.shape[1])
    values: Floats = rows[:, left]
    values += (rows[:, np.minimum(left + 1, field.shape[1] - 1)] - values) * right
    return values


def at_points(field: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear values at points of any shape, in pixels; beyond the edge its value."""
    top, down = _neighbours(y, field.shape[0])
    left, right = _neighbours(x, field.shape[1])
    below, beside = np.minimum(top + 1, field.shape[0] - 1), np.minimum(left + 1, field.shape[1] - 1)
    upper = field[top, left] * (1 - right) + field[top, beside] * right
    lower = field[below, left] * (1 - right) + field[below, beside] * right
    values: Floats = upper * (1 - down) + lower * down
    return values


def _neighbours(places: Floats, size: int) -> tuple[NDArray[np.intp], Floats]:
    """The pixel before each place, and how far the place is beyond it, 0..1."""
    inside = np.clip(places, 0, size - 1).astype(np.float32)
    before = inside.astype(np.intp)
    return before, inside - before.astype(np.float32)
