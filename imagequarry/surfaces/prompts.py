"""Points, labels and boxes that arrive as JSON text in a form field."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from imagequarry.capabilities.segmentation import MAX_POINTS
from imagequarry.errors import InvalidPrompt

T = TypeVar("T")

PromptList = Annotated[list[T], Field(max_length=MAX_POINTS)]

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Label = Annotated[int, Field(strict=True, ge=0, le=1)]
Size = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class PixelPoint(BaseModel):
    """A position in pixels."""

    model_config = ConfigDict(extra="forbid")
    x: Finite
    y: Finite


class PixelBox(BaseModel):
    """A box in pixels, by its top left corner and its size."""

    model_config = ConfigDict(extra="forbid")
    x: Finite
    y: Finite
    width: Size
    height: Size


class FractionPoint(BaseModel):
    """A position as fractions of the picture's width and height, with an optional label (1: foreground)."""

    model_config = ConfigDict(extra="forbid")
    x: Fraction
    y: Fraction
    label: Label = 1


class FractionBox(BaseModel):
    """A box as fractions of the picture's width and height."""

    model_config = ConfigDict(extra="forbid")
    x1: Fraction
    y1: Fraction
    x2: Fraction
    y2: Fraction


def parsed(field: str, text: str, form: TypeAdapter[T]) -> T:
    """The field's JSON as values. Raises ``InvalidPrompt`` with what is wrong and where."""
    try:
        return form.validate_json(text)
    except ValidationError as error:
        raise _refusal(field, error) from None


def checked(field: str, value: Any, form: TypeAdapter[T]) -> T:
    """The same for JSON that is parsed already."""
    try:
        return form.validate_python(value)
    except ValidationError as error:
        raise _refusal(field, error) from None


def _refusal(field: str, error: ValidationError) -> InvalidPrompt:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return InvalidPrompt(f"{field} is not valid JSON.", field=field)
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return InvalidPrompt(f"{field}{where}: {first['msg']}", field=field)
