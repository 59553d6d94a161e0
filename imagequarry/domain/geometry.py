"""Points and boxes in pixel coordinates, x to the right and y downwards, the origin in the top left corner."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """A position in pixels; whole numbers name the pixel's top left corner."""

    x: float
    y: float

    def inside(self, width: int, height: int) -> bool:
        """Whether the point lies on a picture of that size (NaN and infinities never do)."""
        return 0 <= self.x < width and 0 <= self.y < height


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle: columns x0 <= x < x1 and rows y0 <= y < y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def of_size(cls, x: float, y: float, width: float, height: float) -> Box:
        """The box with that corner and that size."""
        return cls(x, y, x + width, y + height)

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def centre(self) -> Point:
        return Point((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2)

    def is_finite(self) -> bool:
        """Whether all four numbers are finite and the box has an area."""
        return all(map(math.isfinite, (self.x0, self.y0, self.x1, self.y1))) and self.width > 0 and self.height > 0

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole box lies on a picture of that size."""
        return self.is_finite() and self.x0 >= 0 and self.y0 >= 0 and self.x1 <= width and self.y1 <= height

    def clipped(self, width: int, height: int) -> Box:
        """The part of the box on a picture of that size; it may be empty."""
        return Box(max(self.x0, 0), max(self.y0, 0), min(self.x1, width), min(self.y1, height))
