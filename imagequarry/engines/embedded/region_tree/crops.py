"""Overlapping crops of a large picture, as SAM's automatic mask generator cuts them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

OVERLAP = 512 / 1500


@dataclass(frozen=True, slots=True)
class Crop:
    """Columns x0 <= x < x1 and rows y0 <= y < y1 of the picture, found in ``layer`` (0 is the whole picture)."""

    x0: int
    y0: int
    x1: int
    y1: int
    layer: int


def crops(height: int, width: int, layers: int) -> list[Crop]:
    """The whole picture and, for each layer i from 1 on, 2^i x 2^i crops that overlap."""
    found = [Crop(0, 0, width, height, 0)]
    for layer in range(1, layers + 1):
        sides = 2**layer
        overlap = int(OVERLAP * min(height, width) * 2 / sides)
        wide, high = (ceil((overlap * (sides - 1) + length) / sides) for length in (width, height))
        for row in range(sides):
            for column in range(sides):
                x0, y0 = (wide - overlap) * column, (high - overlap) * row
                if x0 < width and y0 < height:
                    found.append(Crop(x0, y0, min(x0 + wide, width), min(y0 + high, height), layer))
    return found
