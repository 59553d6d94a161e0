"""The finest grid whose solid has no more triangles than allowed."""

from __future__ import annotations

from collections.abc import Callable

from imagequarry.engines.solids.grid import Floats, Grid
from imagequarry.engines.solids.patch import Size, size_of

# Nodes of a grid, whatever is asked for: a thin outline across a large box would take gigabytes.
MOST_NODES = 2_000_000
_CLOSE = 0.995
_TRIES = 24


def fitted(field: Floats, anchor: tuple[float, float], limit: int, faces_of: Callable[[Size], int]) -> Grid:
    """The grid of about the smallest step whose patch makes at most ``limit`` faces, as ``faces_of`` counts them.

    ``anchor`` is a place inside, where a node comes to lie, so that some patch exists however large the step; the
    coarsest has six triangles and six edges, for which ``faces_of`` must stay within the limit.
    """
    height, width = field.shape
    finest = (height * width / MOST_NODES) ** 0.5
    area = float((field > 0).sum())
    step = max((2 * area * 2 / limit) ** 0.5, finest)
    low, high = 0.0, 0.0
    best: Grid | None = None
    for _ in range(_TRIES):
        grid = Grid.over(field, step, anchor)
        faces = faces_of(size_of(grid.inside))
        if faces <= limit:
            best, high = grid, step
            if faces >= _CLOSE * limit or step <= finest:
                break
        else:
            low = step
        # By the number of faces, which goes with the square of the step; between two known steps, in their middle.
        step *= (faces / limit) ** 0.5 * (1.001 if faces > limit else 1.0)
        if low and high and not low < step < high:
            step = (low * high) ** 0.5
        step = max(step, finest)
    return best or _coarsest(field, anchor)


def _coarsest(field: Floats, anchor: tuple[float, float]) -> Grid:
    """The grid of one node inside."""
    return Grid.over(field, 2.0 * max(field.shape), anchor)
