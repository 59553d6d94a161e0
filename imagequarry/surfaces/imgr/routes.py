"""/api: upload a picture, then cut it out by clicks; and /health."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from pydantic import BaseModel

from imagequarry.capabilities import cutouts, mask_formats
from imagequarry.capabilities.mask_formats import EncodedMask
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate
from imagequarry.surfaces import probing
from imagequarry.surfaces.here import Here, runtime_of
from imagequarry.surfaces.imgr.dialect import NAME, data_url
from imagequarry.surfaces.imgr.run import OPENAPI, Run, run_of
from imagequarry.surfaces.probing import HealthReply

router = APIRouter(tags=[NAME])


class Uploaded(BaseModel):
    """A picture that was taken in; ``size`` in bytes."""

    image_id: str
    type: str
    filename: str
    size: int


class Result(BaseModel):
    """One candidate: the cut-out and its mask as data URLs, and the IoU the model expects.

    Where a form was named for the mask, the mask in that form and no cut-out.
    """

    masked_image: str | None = None
    mask: EncodedMask
    score: float


class Results(BaseModel):
    """Three candidates, the best first."""

    results: list[Result]


@router.post("/api/upload/image")
def upload(
    here: Here,
    file: Annotated[UploadFile, File(description="JPEG, PNG, WebP, BMP or TIFF.")],
    image_type: Annotated[Literal["original", "mask"], Form()] = "original",
) -> Uploaded:
    """Take a picture in."""
    opened = here.archive.take(file.file)
    image = here.archive.keep(opened, str(uuid.uuid4()), NAME, file.filename or "", image_type)
    here.prewarmer.soon(opened.raster)
    return Uploaded(image_id=image.id, type=image.kind, filename=image.filename, size=image.size_bytes)


@router.post("/api/run", openapi_extra=OPENAPI, response_model_exclude_none=True)
def run(here: Here, run: Annotated[Run, Depends(run_of)], response: Response) -> Results:
    """Cut out what the clicks mean, three ways."""
    raster = here.archive.raster(run.original_image_id)
    answer = here.segmentation.prompted(raster, [run.prompt])
    response.headers["X-Model"] = answer.model
    return Results(results=[_result(raster, run, candidate) for candidate in answer.candidates])


def _result(raster: Raster, run: Run, candidate: Candidate) -> Result:
    if run.mask_format:
        return Result(mask=mask_formats.encode(candidate.mask, run.mask_format), score=candidate.predicted_iou)
    return Result(
        masked_image=data_url(cutouts.feathered_png(raster, candidate.mask, run.feather)),
        mask=data_url(mask_formats.png_bytes(candidate.mask)),
        score=candidate.predicted_iou,
    )


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health(request: Request, response: Response) -> HealthReply:
    """Whether the server and what it depends on are well."""
    return await probing.health(runtime_of(request), response)
