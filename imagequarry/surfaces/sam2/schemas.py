"""The bodies of surface C."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from imagequarry.capabilities.mask_formats import EncodedMask

Channel = Annotated[int, Field(strict=True, ge=0, le=255)]


class GenerateRequest(BaseModel):
    """A picture as base64, with or without a data URL's prefix."""

    original_image_b64: str


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
    """Paint a mask in a colour [r, g, b, a], 0..255; null shows the picture's own pixels."""

    mask_id: int
    color: Annotated[list[Channel], Field(min_length=4, max_length=4)] | None = None


class RenderRequest(BaseModel):
    """What to paint, later instructions over earlier ones."""

    render_instructions: Annotated[list[RenderInstruction], Field(max_length=1000)]


class RenderReply(BaseModel):
    """A PNG as base64."""

    message: str
    rendered_image_b64: str


class StoredMask(BaseModel):
    """A stored mask; ``bbox`` is [x_min, y_min, x_max, y_max]."""

    id: int
    area: int
    bbox: list[int]
    mask_b64: EncodedMask


class ImageInfo(BaseModel):
    """A stored picture with its masks."""

    image_id: str
    width: int
    height: int
    created_at: str
    original_image_b64: str
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
