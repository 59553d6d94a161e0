"""The bodies of surface C."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from imagequarry.capabilities.cutouts import MAX_FEATHER
from imagequarry.capabilities.mask_formats import EncodedMask

Channel = Annotated[int, Field(strict=True, ge=0, le=255)]


class GenerateRequest(BaseModel):
    """A picture as base64, with or without a data URL's prefix; none where ``image_id`` names a kept one."""

    original_image_b64: str | None = None


class Dimensions(BaseModel):
    """A picture's size in pixels."""

    width: int
    height: int


class GenerateReply(BaseModel):
    """The masks that were stored."""

    message: str
    image_id: str
    mask_count: int
    image_dimensions: Dimensions
    mask_ids: list[int]


class RenderInstruction(BaseModel):
    """Paint a mask in a colour [r, g, b, a], 0..255; null shows the picture's own pixels.

    The mask is a stored one by its id or, instead, any mask as COCO's run lengths.
    """

    mask_id: int | None = None
    mask: dict[str, Any] | None = None
    color: Annotated[list[Channel], Field(min_length=4, max_length=4)] | None = None

    @model_validator(mode="after")
    def _has_one_mask(self) -> Self:
        if (self.mask_id is None) == (self.mask is None):
            raise ValueError("Name a mask by mask_id, or send one as mask")
        return self


class RenderRequest(BaseModel):
    """What to paint, later instructions over earlier ones.

    With a ``feather`` (pixels, 0..100) all of them together are cut out of the picture with one soft edge.
    """

    render_instructions: Annotated[list[RenderInstruction], Field(max_length=1000)]
    feather: float = Field(0, ge=0, le=MAX_FEATHER, allow_inf_nan=False)

    @model_validator(mode="after")
    def _feathers_no_colours(self) -> Self:
        if self.feather and any(step.color is not None for step in self.render_instructions):
            raise ValueError("A feather softens the edge of the picture's own pixels: leave the colours out")
        return self


class RenderReply(BaseModel):
    """A PNG as base64."""

    message: str
    rendered_image_b64: str


class StoredMask(BaseModel):
    """A stored mask; ``bbox`` is [x_min, y_min, x_max, y_max]. The scores are there where they were asked for."""

    id: int
    area: int
    bbox: list[int]
    mask_b64: EncodedMask
    predicted_iou: float | None = None
    stability_score: float | None = None


class ImageInfo(BaseModel):
    """A stored picture with its masks."""

    image_id: str
    width: int
    height: int
    created_at: str
    original_image_b64: str | None = None
    available_masks: list[StoredMask]


class ImageLine(BaseModel):
    """A stored picture in the list."""

    image_id: str
    width: int
    height: int
    created_at: str
    mask_count: int


class ImageList(BaseModel):
    """Stored pictures, the newest first."""

    images: list[ImageLine]


class Pixel(BaseModel):
    """A pixel's column and row."""

    x: int
    y: int


class MaskAtPoint(BaseModel):
    """The smallest mask that holds a pixel, and all that do, the smallest first."""

    message: str
    point: Pixel
    mask_id: int | None
    mask_area: int | None
    mask_bbox: list[int] | None
    total_containing_masks: int
    all_containing_masks: list[int]


class Deleted(BaseModel):
    """A picture is gone."""

    message: str
