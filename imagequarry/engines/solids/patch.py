"""A flat piece of triangles that follows an outline: the front of a solid before it has heights.

The outline is where a field crosses zero. The field is read at the nodes of a grid whose cells are cut into two
triangles each, and every triangle is clipped where it leaves the outline ("marching triangles"). All cells are cut
along the same diagonal, so the edge of a patch is made of simple closed curves that never touch: no vertex is shared by
two of them, whatever the outline, and a solid over the patch is watertight.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.solids.grid import Grid

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Corners = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Patch:
    """Triangles in the plane of the picture, counter-clockwise for who looks at it.

    ``points`` (N, 2) are x and y (downwards) in pixels, the ``rim`` last points lie on the outline; ``faces`` (T, 3)
    and the directed ``edges`` (E, 2) of the outline, solid on their left, are rows of points. Every triangle has a
    corner that is not on the outline.
    """

    points: Floats = field(repr=False)
    faces: Ints = field(repr=False)
    edges: Ints = field(repr=False)
    rim: int


@dataclass(frozen=True, slots=True)
class Size:
    """How many triangles and edges a patch would have."""

    faces: int
    edges: int


# The corners of the two triangles of a cell, as rows and columns from the cell's upper left node.
_CORNERS: tuple[Corners, Corners] = (((0, 0), (1, 0), (0, 1)), ((0, 1), (1, 0), (1, 1)))


def size_of(inside: Bools) -> Size:
    """The size of the patch over the nodes (H, W) that lie inside; those of the frame must not."""
    counts = sum(np.bincount(_total(inside, corners).ravel(), minlength=4) for corners in _CORNERS)
    _, one, two, all_three = (int(count) for count in np.asarray(counts))
    return Size(all_three + one + 2 * two, one + two)


def patch_of(grid: Grid) -> Patch:
    """The patch over a grid. Some node must lie inside, and none of its frame."""
    inside = grid.inside
    number = np.full(inside.size, -1, np.int32)
    nodes = np.flatnonzero(inside)
    number[nodes] = np.arange(len(nodes), dtype=np.int32)
    whole: list[Ints] = []
    clipped: list[Longs] = []
    outline: list[Longs] = []
    for corners in _CORNERS:
        total = _total(inside, corners)
        whole.append(number[_triangles(np.flatnonzero(total == 3), inside.shape[1], corners)])
        cut = np.flatnonzero((total == 1) | (total == 2))
        pieces, edges = _clipped(_triangles(cut, inside.shape[1], corners), inside.ravel())
        clipped.append(pieces)
        outline.append(edges)
    return _joined(grid, nodes, number, np.concatenate(whole), np.concatenate(clipped), np.concatenate(outline))


def _total(inside: Bools, corners: Corners) -> NDArray[np.uint8]:
    """(H - 1, W - 1) how many corners of a triangle of each cell lie inside."""
    height, width = inside.shape
    flags = inside.view(np.uint8)
    a, b, c = (flags[row : height - 1 + row, column : width - 1 + column] for row, column in corners)
    return a + b + c


def _triangles(cells: Longs, width: int, corners: Corners) -> Longs:
    """(M, 3) the nodes of a triangle of each of these cells; ``width`` is that of the grid in nodes."""
    rows, columns = np.divmod(cells, width - 1)
    return np.stack([(rows + row) * width + columns + column for row, column in corners], axis=1)


def _clipped(triangles: Longs, inside: Bools) -> tuple[Longs, Longs]:
    """What is left of triangles (M, 3) that the outline runs through: (K, 3, 2) and their edges on it (M, 2, 2).

    A corner is a pair of nodes: of one node twice, or of the two, inner first, between which the outline crosses.
    """
    within = inside[triangles]
    alone = within.sum(1) == 1
    # Turned so that the corner that differs from the other two comes first.
    odd = np.where(alone, within.argmax(1), (~within).argmax(1))
    p, q, r = (np.take_along_axis(triangles, ((odd + turn) % 3)[:, None], 1)[:, 0] for turn in range(3))
    one = _corners((p, p), (p, q), (p, r))[alone]
    both = ~alone
    two = _corners((q, q), (r, r), (r, p))[both], _corners((q, p), (q, q), (r, p))[both]
    outline = np.concatenate([one[:, 1:], two[1][:, [2, 0]]])
    return np.concatenate([one, *two]), outline


def _corners(*pairs: tuple[Longs, Longs]) -> Longs:
    """(M, 3, 2)"""
    return np.stack([np.stack(pair, axis=-1) for pair in pairs], axis=1)


def _joined(grid: Grid, nodes: Longs, number: Ints, whole: Ints, clipped: Longs, outline: Longs) -> Patch:
    """Whole and clipped triangles as one patch, in which each crossing is one point."""
    span = number.size
    # Every crossing is the end of an edge of the outline, so these are all of them.
    keys, ends = np.unique(outline[..., 0] * span + outline[..., 1], return_inverse=True)
    faces = number[clipped[..., 0]]
    crossed = clipped[..., 0] != clipped[..., 1]
    faces[crossed] = len(nodes) + np.searchsorted(keys, (clipped[..., 0] * span + clipped[..., 1])[crossed])
    points = np.concatenate([grid.places(nodes), grid.crossings(keys // span, keys % span)])
    edges = (len(nodes) + ends.reshape(-1, 2)).astype(np.int32)
    return Patch(points, np.concatenate([whole, faces]), edges, len(keys))
