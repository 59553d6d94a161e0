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
_DEFAULT = _BOX.validate_json(DEFAULT_BOX)

# Pixels; what a client's own scaling may add to a box that ends with the picture.
_ROUNDING = 0.01


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
    """The box as a prompt. The documented default is cut to the picture; any other box must fit, but for rounding."""
    given = parsed("box", box or DEFAULT_BOX, _BOX)
    placed = Box.of_size(given.x, given.y, given.width, given.height)
    clipped = placed.clipped(width, height)
    if given == _DEFAULT:
        if not clipped.is_finite():
            raise InvalidPrompt(f"The default box lies outside: the picture is {width} x {height} pixels. Name a box.")
        return Prompt(box=clipped)
    rounded = max(abs(a - b) for a, b in zip(_corners(placed), _corners(clipped), strict=True)) <= _ROUNDING
    return Prompt(box=clipped if rounded and clipped.is_finite() else placed)


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1
