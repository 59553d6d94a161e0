"""/api/v1/models: a model of one picture, asked for and fetched."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from imagequarry.errors import QuarryError
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.image2model import files, links, states
from imagequarry.surfaces.image2model.dialect import NAME
from imagequarry.surfaces.image2model.schemas import GenerateRequest, Generating, ModelJob, ModelType
from imagequarry.surfaces.image2model.wishes import wish_of

router = APIRouter(prefix="/api/v1/models", tags=[NAME])


@router.post("/generate")
def generate(here: Here, body: GenerateRequest) -> Generating:
    """Make a model of a picture that any surface took in, in the background."""
    job = here.model_orders.generate(body.file_id, wish_of(here, body))
    seconds = here.model_orders.seconds_left(job)
    return Generating(job_id=job.id, status="processing", estimated_time=max(1, math.ceil(seconds)))


@router.get("/job/{job_id}")
def model_job(job_id: str, here: Here, request: Request) -> ModelJob:
    """How far a model is, or any other job."""
    job = here.board.get(job_id)
    word = states.word(job)
    left = 0.0 if word == "failed" else here.model_orders.seconds_left(job)
    return ModelJob(
        job_id=job.id,
        status=word,
        progress=states.percent(job.progress),
        model_url=links.model_url(request, job),
        estimated_time_remaining=math.ceil(left),
        error=states.failure(job),
    )


@router.get("/available")
def available(here: Here) -> list[ModelType]:
    """What makes models, the preferred ones first."""
    default = _default(here)
    return [
        ModelType(
            name=one.card.name.replace("-", " ").title(),
            description=one.card.description,
            type=one.card.name,
            supported_formats=list(one.formats),
            geometry=one.geometry,
            available=one.ready,
            unavailable_reason=one.reason or None,
            licence=one.card.licence,
            default=one.card.name == default,
        )
        for one in here.meshes.available()
    ]


@router.head("/download/{job_id}", include_in_schema=False)
@router.get("/download/{job_id}", response_class=Response)
def download(
    job_id: str,
    here: Here,
    format: Annotated[str, Query(max_length=32, description="glb, obj, ply or stl.")] = "obj",
) -> Response:
    """The model that a job made, in one of four formats."""
    maker = here.model_files.maker(job_id)
    files.require_completed(maker)
    return files.of(here.model_files.model(maker, format))


def _default(here: Runtime) -> str:
    """What makes a model where nobody names what should."""
    try:
        return here.meshes.ready(None).name
    except QuarryError:
        return ""
