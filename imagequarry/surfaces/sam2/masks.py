"""/generate_and_store_masks and /render_masks: everything in a picture as stored masks, and pictures of them."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query, Response

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.rendering import Instruction, render_png
from imagequarry.domain.mask import Mask
from imagequarry.errors import InvalidInput
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.sam2.dialect import NAME, checked_image_id, mask_id, new_image_id, position
from imagequarry.surfaces.sam2.schemas import Dimensions, GenerateReply, GenerateRequest, RenderReply, RenderRequest

router = APIRouter(tags=[NAME])

Threshold = Annotated[float | None, Query(ge=0, le=1, description="Masks that score less are left out.")]


@router.post("/generate_and_store_masks")
def generate_and_store_masks(
    here: Here,
    body: GenerateRequest,
    response: Response,
    image_id: Annotated[str | None, Query(description="The picture's id; default: a new one.")] = None,
    pred_iou_thresh: Threshold = None,
    stability_score_thresh: Threshold = None,
) -> GenerateReply:
    """Segment everything in a picture and keep both."""
    named = {"pred_iou_thresh": pred_iou_thresh, "stability_score_thresh": stability_score_thresh}
    if body.original_image_b64 is None:
        if image_id is None:
            raise InvalidInput("original_image_b64: Field required", field="original_image_b64")
        answer = here.segmentation.everything(here.archive.raster(image_id), named, here.stored_masks_model)
        kept = here.archive.keep_found(image_id, image_id, "stored", answer)
    else:
        id = new_image_id() if image_id is None else checked_image_id(image_id)
        opened = here.archive.take(body.original_image_b64)
        answer = here.segmentation.everything(opened.raster, named, here.stored_masks_model)
        kept = here.archive.keep_with_masks(opened, id, NAME, "stored", answer)
    response.headers["X-Model"] = answer.model
    return GenerateReply(
        message="Masks generated and stored successfully",
        image_id=kept.id,
        mask_count=len(kept.candidates),
        image_dimensions=Dimensions(width=kept.width, height=kept.height),
        mask_ids=[mask_id(number) for number in range(len(kept.candidates))],
    )


@router.post("/render_masks/{image_id}")
def render_masks(image_id: str, here: Here, body: RenderRequest) -> RenderReply:
    """Paint chosen masks on a transparent canvas of the picture's size."""
    wanted = body.render_instructions
    raster = here.archive.raster(image_id)
    stored = here.archive.chosen_masks(
        image_id, [position(step.mask_id) for step in wanted if step.mask_id is not None]
    )
    masks = [
        stored[position(step.mask_id)].mask if step.mask_id is not None else Mask.from_coco(step.mask, raster.size)
        for step in wanted
    ]
    if body.feather:
        png = cutouts.feathered_png(raster, Mask.empty(*raster.size).union(*masks), body.feather)
    else:
        steps = [Instruction(mask, _colour(step.color)) for mask, step in zip(masks, wanted, strict=True)]
        png = render_png(raster, steps)
    return RenderReply(message="Image rendered successfully", rendered_image_b64=base64.b64encode(png).decode("ascii"))


def _colour(channels: list[int] | None) -> tuple[int, int, int, int] | None:
    if channels is None:
        return None
    red, green, blue, alpha = channels
    return red, green, blue, alpha
