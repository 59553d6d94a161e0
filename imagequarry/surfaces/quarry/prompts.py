"""Surface A's points and boxes as prompts."""

from __future__ import annotations

from pydantic import TypeAdapter

from imagequarry.capabilities.fractions import FractionPrompts
from imagequarry.domain.geometry import Box
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import InvalidPrompt
from imagequarry.surfaces.prompts import FractionBox, FractionPoint, PixelBox, PromptList, parsed

DEFAULT_BOX = '{"x": 68, "y": 247, "width": 555, "height": 678}'

_POINTS = TypeAdapter[list[FractionPoint]](PromptList[FractionPoint])
_BOXES = TypeAdapter[list[FractionBox]](PromptList[FractionBox])
_BOX = TypeAdapter(PixelBox)


def single_prompts(points: str | None, boxes: str | None) -> FractionPrompts:
    """The JSON of both form fields; either may be missing."""
    return fractions(
        parsed("points", points, _POINTS) if points else [], parsed("boxes", boxes, _BOXES) if boxes else []
    )


def fractions(points: list[FractionPoint], boxes: list[FractionBox]) -> FractionPrompts:
    """Points and boxes as prompts. Raises ``InvalidPrompt`` for a box without an area."""
    if any(box.x1 >= box.x2 or box.y1 >= box.y2 for box in boxes):
        raise InvalidPrompt("A box needs x1 < x2 and y1 < y2.")
    return FractionPrompts(
        tuple((point.x, point.y, point.label) for point in points),
        tuple((box.x1, box.y1, box.x2, box.y2) for box in boxes),
    )


def box_prompt(box: str | None, width: int, height: int) -> Prompt:
    """The box as a prompt. The documented default is cut to the picture; a box that the caller names must fit."""
    given = parsed("box", box or DEFAULT_BOX, _BOX)
    placed = Box.of_size(given.x, given.y, given.width, given.height)
    if not box:
        placed = placed.clipped(width, height)
        if not placed.is_finite():
            raise InvalidPrompt(f"The default box lies outside: the picture is {width} x {height} pixels. Name a box.")
    return Prompt(box=placed)
