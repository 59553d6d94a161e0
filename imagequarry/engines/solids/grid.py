"""A field that says how far a pixel lies inside an outline, and a grid laid over it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as data

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# A crossing keeps this share of a grid edge away from both its nodes: triangles of no area help nobody.
_NEAREST = 0.04
# Halvings of an edge to find where the outline crosses it.
_HALVINGS = 7


@dataclass(frozen=True, slots=True)
class Grid:
    """A field read at the nodes of a grid.

    ``field`` (h, w) is positive inside the outline and negative on the frame, in pixels; node (i, j) lies at
    ``left + j * step`` and ``top + i * step``; ``inside`` (H, W) says which nodes do.
    """

    field: Floats = data(repr=False)
    left: float
    top: float
    step: float
    inside: Bools = data(repr=False)

    @classmethod
    def over(cls, field: Floats, step: float, anchor: tuple[float, float]) -> Grid:
        """The grid of that step over the whole field with a node on ``anchor`` (x, y), whatever the step."""
        height, width = field.shape
        before, above = (int(place / step) + 1 for place in anchor)
        columns = before + int((width - 1 - anchor[0]) / step) + 2
        rows = above + int((height - 1 - anchor[1]) / step) + 2
        left, top = anchor[0] - before * step, anchor[1] - above * step
        inside = sampled(field, left, top, step, rows, columns) > 0
        # Nodes beyond the field take the value of its frame, which is negative.
        return cls(field, left, top, step, inside)

    def places(self, nodes: NDArray[np.int64]) -> Floats:
        """(N, 2) x and y of nodes by their flat number."""
        rows, columns = np.divmod(nodes, self.inside.shape[1])
        return np.stack([self.left + columns * self.step, self.top + rows * self.step], axis=1).astype(np.float32)

    def crossings(self, inner: NDArray[np.int64], outer: NDArray[np.int64]) -> Floats:
        """(N, 2) where the outline crosses the edges from nodes inside to nodes outside."""
        start, way = self.places(inner), self.places(outer) - self.places(inner)
        low, high = np.zeros(len(start), np.float32), np.ones(len(start), np.float32)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            within = read(self.field, np.asarray(start + way * middle[:, None], np.float32)) > 0
            low, high = np.where(within, middle, low), np.where(within, high, middle)
        share = np.clip((low + high) / 2, _NEAREST, 1 - _NEAREST)
        return np.asarray(start + way * share[:, None], np.float32)


def sampled(field: Floats, left: float, top: float, step: float, rows: int, columns: int) -> Floats:
    """(rows, columns) of the field at a grid's nodes, between pixels by what lies around; beyond it, its frame's."""
    matrix = np.array([[step, 0, left], [0, step, top]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(field, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def read(field: Floats, points: Floats) -> Floats:
    """(N,) of the field at points (N, 2), x and y."""
    height, width = field.shape
    x, y = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    column, row = np.minimum(x.astype(np.intp), max(width - 2, 0)), np.minimum(y.astype(np.intp), max(height - 2, 0))
    right, below = np.minimum(column + 1, width - 1), np.minimum(row + 1, height - 1)
    across, down = x - column, y - row
    upper = field[row, column] * (1 - across) + field[row, right] * across
    lower = field[below, column] * (1 - across) + field[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
