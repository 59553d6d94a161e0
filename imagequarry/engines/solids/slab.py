"""The solid for a picture without a subject: a slab with the picture's heights in front, four walls and a flat back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mesh import Mesh, MeshOptions
from imagequarry.domain.raster import Raster
from imagequarry.engines.solids.skin import limit_of, skin_of

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

THIN, DEEP = 0.02, 0.05
"""How thick a slab is at least, and how much thicker where it is highest, as shares of its longer side."""
# How far the cells of a slab may be from square to make better use of a limit.
_SKEW = 1.25


def cells_within(limit: int, width: float, height: float) -> tuple[int, int]:
    """Columns and rows of cells for a front of that form, whose slab has at most ``limit`` faces (12 or more)."""
    ideal = max(1.0, (limit * height / width / 2) ** 0.5)
    best, best_faces = (1, 1), 0
    for rows in range(max(1, int(ideal * 0.8)), int(ideal) + 2):
        columns = (limit - 6 * rows) // (2 * rows + 6)
        if columns < 1:
            continue
        skew = columns / rows / (width / height)
        fits = 1 / _SKEW <= skew <= _SKEW or rows == 1 or columns == 1
        if fits and faces_of_slab(columns, rows) > best_faces:
            best, best_faces = (columns, rows), faces_of_slab(columns, rows)
    return best


def faces_of_slab(columns: int, rows: int) -> int:
    """Two for each cell in front, and three for each edge of the frame: a wall and the back. Of a box, twelve."""
    return 12 if columns == rows == 1 else 2 * columns * rows + 6 * (columns + rows)


def slab_over(raster: Raster, options: MeshOptions, heights_of: Callable[[int, int], Floats]) -> Mesh:
    """The whole picture as a slab of at most the limit's faces.

    ``heights_of`` gives heights 0..1 at so many columns and rows of nodes, spread over the picture to its very edges.
    """
    height, width = raster.size
    columns, rows = cells_within(limit_of(options), width, height)
    xs = np.linspace(-0.5, width - 0.5, columns + 1, dtype=np.float32)
    ys = np.linspace(-0.5, height - 0.5, rows + 1, dtype=np.float32)
    # A strip of a picture is no thicker than it is wide.
    side = min(max(width, height), 4 * min(width, height))
    heights = np.asarray(side * (THIN + DEEP * heights_of(columns + 1, rows + 1)), np.float32)
    return skin_of(raster, None, options).over(*slab(heights, xs, ys))


def slab(heights: Floats, xs: Floats, ys: Floats) -> tuple[Floats, Ints]:
    """Vertices (V, 3) and faces over nodes at ``xs`` by ``ys`` (downwards) with heights (rows + 1, columns + 1).

    The flat back lies at zero and fans out from its middle, so that no triangle of it has three corners on a line.
    """
    tall, wide = heights.shape
    x, y = np.meshgrid(xs, ys)
    front = np.column_stack([x.ravel(), y.ravel(), heights.ravel()])
    number = np.arange(tall * wide, dtype=np.int32).reshape(tall, wide)
    a, b, c, d = (number[i : tall - 1 + i, j : wide - 1 + j].ravel() for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    faces = [np.stack([a, c, b], 1), np.stack([b, c, d], 1)]
    # The frame, counter-clockwise for who looks at the front: down the left side first.
    ring = np.concatenate([number[:-1, 0], number[-1, :-1], number[:0:-1, -1], number[0, :0:-1]])
    start, behind = ring, len(front) + np.arange(len(ring), dtype=np.int32)
    end, end_behind = np.roll(start, -1), np.roll(behind, -1)
    faces += [np.stack([end, start, behind], 1), np.stack([end, behind, end_behind], 1)]
    vertices = [front, np.column_stack([front[ring, :2], np.zeros(len(ring))])]
    if len(ring) == 4:
        faces.append(behind[[[0, 2, 1], [0, 3, 2]]])
    else:
        middle = len(front) + len(ring)
        vertices.append(np.array([[np.mean(xs[[0, -1]]), np.mean(ys[[0, -1]]), 0]]))
        faces.append(np.stack([end_behind, behind, np.full(len(ring), middle)], 1))
    return np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32)
