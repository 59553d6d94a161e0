"""Plain shapes for pictures that show nothing: what a click or a box means where no region answers it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool

RADII = (0.15, 0.3, 0.07, 0.02)


def shapes_in_box(shape: tuple[int, int], box: tuple[int, int, int, int]) -> Iterator[Bool]:
    """The box, the ellipse in it and the ellipse of half its size, as masks of (rows, columns)."""
    x0, y0, x1, y1 = box
    y, x = np.ogrid[: shape[0], : shape[1]]
    yield (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    for size in (1.0, 0.5):
        across = ((x + 0.5) - (x0 + x1) / 2) / ((x1 - x0) * size / 2)
        down = ((y + 0.5) - (y0 + y1) / 2) / ((y1 - y0) * size / 2)
        yield across**2 + down**2 <= 1


def shapes_round(shape: tuple[int, int], x: int, y: int, wanted: bool) -> Iterator[Bool]:
    """Discs of several sizes round a position, the whole picture and the halves at it; for a background click their
    complements."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    diagonal = float(np.hypot(*shape))
    squared = (columns - x) ** 2 + (rows - y) ** 2
    whole = np.ones(shape, np.bool_)
    found = [squared <= (radius * diagonal) ** 2 for radius in RADII]
    found += [whole, (columns <= x) & whole, (columns >= x) & whole, (rows <= y) & whole, (rows >= y) & whole]
    yield from found if wanted else (~shape for shape in found)
    yield whole
