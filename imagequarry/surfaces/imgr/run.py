"""What /api/run takes: a form with JSON text in its fields, or a JSON body with the same names."""

# No postponed annotations: pydantic and FastAPI read them where they stand.
import json
from typing import Annotated, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from imagequarry.capabilities.cutouts import DEFAULT_FEATHER, MAX_FEATHER
from imagequarry.capabilities.mask_formats import MaskFormat
from imagequarry.capabilities.segmentation import MAX_POINTS
from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.surfaces.prompts import Label, PixelBox, PixelPoint


def _json(value: Any) -> Any:
    """Text as the JSON it holds."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None


class Run(BaseModel):
    """Clicks on a stored picture: points in pixels, a label each (1 foreground, 0 background).

    ``feather``: width of the cut-out's soft edge in pixels. ``box``: what is meant lies in it. ``mask_format``: the
    masks alone, in that form.
    """

    original_image_id: str = Field(max_length=128)
    points: Annotated[list[PixelPoint], BeforeValidator(_json), Field(max_length=MAX_POINTS)]
    labels: Annotated[list[Label], BeforeValidator(_json), Field(max_length=MAX_POINTS)]
    feather: float = Field(DEFAULT_FEATHER, ge=0, le=MAX_FEATHER, allow_inf_nan=False)
    box: Annotated[PixelBox | None, BeforeValidator(_json)] = None
    mask_format: MaskFormat | None = None

    @property
    def prompt(self) -> Prompt:
        """The clicks as a prompt."""
        points = tuple(Point(p.x, p.y) for p in self.points)
        box = Box.of_size(self.box.x, self.box.y, self.box.width, self.box.height) if self.box else None
        return Prompt(points, tuple(self.labels), box)


async def run_of(request: Request) -> Run:
    """The request's body as a run. Raises ``RequestValidationError``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        body = _json_body(await request.body())
    else:
        body = dict(await request.form(max_files=0, max_fields=16))
    # In a thread: a body of the largest size takes a while to check.
    return await run_in_threadpool(_checked, body)


def _json_body(raw: bytes) -> Any:
    try:
        return _json(raw)
    except ValueError as error:
        fault = {"loc": ("body",), "msg": f"The body {error}.", "type": "json_invalid"}
        raise RequestValidationError([fault]) from None


def _checked(body: Any) -> Run:
    try:
        return Run.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in found]) from None


def _schema() -> Any:
    """The fields' JSON schema, whole: a route's own description can refer to nothing but what other routes have."""
    schema = Run.model_json_schema()
    known = schema.pop("$defs")

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            named = known.get(str(part.get("$ref", "")).rpartition("/")[2], part)
            return {name: whole(value) for name, value in named.items()}
        return [whole(item) for item in part] if isinstance(part, list) else part

    return whole(schema)


# For the documentation: FastAPI cannot see what a request is read by hand for.
OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {"schema": _schema()}
            for media_type in ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
        },
    }
}
