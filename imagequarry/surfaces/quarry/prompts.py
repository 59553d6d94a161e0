"""Surface A's points and boxes as prompts in pixels."""

from __future__ import annotations

from pydantic import TypeAdapter

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import InvalidPrompt
from imagequarry.surfaces.prompts import FractionBox, FractionPoint, PixelBox, PromptList, parsed

DEFAULT_BOX = '{"x": 68, "y": 247, "width": 555, "height": 678}'

_POINTS = TypeAdapter[list[FractionPoint]](PromptList[FractionPoint])
_BOXES = TypeAdapter[list[FractionBox]](PromptList[FractionBox])
_BOX = TypeAdapter(PixelBox)


def single_prompts(points: str | None, boxes: str | None, width: int, height: int) -> list[Prompt]:
    """All points together as one prompt, then each box as one of its own; none where both are empty.

    Fractions 0..1 become pixels; a point at 1.0 lies on the last pixel.
    """
    prompts = []
    if points and (given := parsed("points", points, _POINTS)):
        placed = tuple(Point(min(p.x * width, width - 1), min(p.y * height, height - 1)) for p in given)
        prompts.append(Prompt(points=placed, labels=tuple(p.label for p in given)))
    for box in parsed("boxes", boxes, _BOXES) if boxes else ():
        if box.x1 >= box.x2 or box.y1 >= box.y2:
            raise InvalidPrompt("A box needs x1 < x2 and y1 < y2.")
        prompts.append(Prompt(box=Box(box.x1 * width, box.y1 * height, box.x2 * width, box.y2 * height)))
    return prompts


def box_prompt(box: str | None, width: int, height: int) -> Prompt:
    """The box as a prompt. The documented default is cut to the picture; a box that the caller names must fit."""
    given = parsed("box", box or DEFAULT_BOX, _BOX)
    placed = Box.of_size(given.x, given.y, given.width, given.height)
    if not box:
        placed = placed.clipped(width, height)
        if not placed.is_finite():
            raise InvalidPrompt(f"The default box lies outside: the picture is {width} x {height} pixels. Name a box.")
    return Prompt(box=placed)
