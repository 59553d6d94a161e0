"""/images: stored pictures and their masks."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query, Response

from imagequarry.capabilities import mask_formats
from imagequarry.capabilities.mask_formats import MaskFormat
from imagequarry.domain.records import StoredImage
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.sam2.dialect import NAME, corners, mask_id, timestamp
from imagequarry.surfaces.sam2.schemas import (
    Deleted,
    ImageInfo,
    ImageLine,
    ImageList,
    MaskAtPoint,
    Pixel,
    StoredMask,
)
from imagequarry.surfaces.surface import BadRequest

router = APIRouter(prefix="/images", tags=[NAME])


@router.get("")
def list_images(
    here: Here,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> ImageList:
    """Stored pictures of every surface, the newest first."""
    lines = [
        ImageLine(
            image_id=listed.image.id,
            width=listed.image.width,
            height=listed.image.height,
            created_at=timestamp(listed.image.created_at),
            mask_count=listed.mask_count,
        )
        for listed in here.archive.page(limit, offset)
    ]
    return ImageList(images=lines)


@router.get("/{image_id}/info", response_model_exclude_none=True)
def image_info(
    image_id: str,
    here: Here,
    response: Response,
    mask_format: Annotated[MaskFormat, Query()] = "png",
    picture: Annotated[bool, Query(description="Whether the picture itself is sent.")] = True,
    scores: Annotated[bool, Query(description="Whether each mask says how good the model believes it to be.")] = False,
) -> ImageInfo:
    """A picture as it was sent, and its masks."""
    image, data = here.archive.file(image_id) if picture else (here.archive.image(image_id), None)
    found = here.archive.found_in(image_id)
    if found:
        response.headers["X-Model"] = found.model
    masks = [
        StoredMask(
            id=mask_id(number),
            area=candidate.mask.area,
            bbox=corners(candidate.mask.box),
            mask_b64=mask_formats.encode(candidate.mask, mask_format),
            predicted_iou=candidate.predicted_iou if scores else None,
            stability_score=candidate.stability_score if scores else None,
        )
        for number, candidate in enumerate(found.candidates if found else ())
    ]
    return ImageInfo(
        image_id=image.id,
        width=image.width,
        height=image.height,
        created_at=timestamp(image.created_at),
        original_image_b64=None if data is None else _data_url(image, data),
        available_masks=masks,
    )


@router.get("/{image_id}/mask_at_point")
def mask_at_point(image_id: str, x: int, y: int, here: Here) -> MaskAtPoint:
    """The smallest mask that holds a pixel."""
    image = here.archive.image(image_id)
    if not (0 <= x < image.width and 0 <= y < image.height):
        bounds = f"(0-{image.width - 1}, 0-{image.height - 1})"
        raise BadRequest(f"Coordinates ({x}, {y}) are outside image bounds {bounds}")
    found = here.archive.masks_at(image_id, x, y)
    numbers = [mask_id(position) for position in found]
    best = next(iter(found.values()), None)
    return MaskAtPoint(
        message=f"{'Found mask' if best else 'No mask found'} containing point ({x}, {y})",
        point=Pixel(x=x, y=y),
        mask_id=numbers[0] if numbers else None,
        mask_area=best.mask.area if best else None,
        mask_bbox=corners(best.mask.box) if best else None,
        total_containing_masks=len(numbers),
        all_containing_masks=numbers,
    )


@router.delete("/{image_id}")
def delete_image(image_id: str, here: Here) -> Deleted:
    """Remove a picture and its masks."""
    here.archive.delete(image_id)
    return Deleted(message=f"Image '{image_id}' deleted successfully")


def _data_url(image: StoredImage, data: bytes) -> str:
    return f"data:image/{image.format.lower()};base64,{base64.b64encode(data).decode('ascii')}"
