"""Prompts given as fractions of a picture whose size is not known yet."""

from __future__ import annotations

from dataclasses import dataclass

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.segmenter import Prompt


@dataclass(frozen=True, slots=True)
class FractionPrompts:
    """Points (x, y, label) and boxes (x1, y1, x2, y2), coordinates 0..1 of width and height."""

    points: tuple[tuple[float, float, int], ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()

    def placed(self, width: int, height: int) -> list[Prompt]:
        """All points together as one prompt, then each box as one of its own; none where there are neither.

        A point at 1.0 lies on the last pixel.
        """
        prompts = []
        if self.points:
            placed = tuple(Point(min(x * width, width - 1), min(y * height, height - 1)) for x, y, _ in self.points)
            prompts.append(Prompt(points=placed, labels=tuple(label for _, _, label in self.points)))
        for x1, y1, x2, y2 in self.boxes:
            prompts.append(Prompt(box=Box(x1 * width, y1 * height, x2 * width, y2 * height)))
        return prompts
