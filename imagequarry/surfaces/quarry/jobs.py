"""/jobs: what was asked for in the background, by whatever surface."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from imagequarry.capabilities.mask_formats import MaskFormat
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.quarry import job_replies, replies
from imagequarry.surfaces.quarry.dialect import NAME, envelope, timestamp
from imagequarry.surfaces.quarry.schemas import (
    BatchReply,
    Done,
    Enveloped,
    ExtractionReply,
    JobLine,
    JobsReply,
    JobStatus,
    MasksReply,
    SegmentationReply,
)

router = APIRouter(prefix="/jobs", tags=[NAME])


@router.get("/")
def list_jobs(
    here: Here,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    status: Annotated[Literal["pending", "running", "completed", "failed"] | None, Query()] = None,
    model_type: Annotated[str | None, Query(max_length=128)] = None,
    kind: Annotated[str | None, Query(max_length=64, description="Also jobs of batches, each for itself.")] = None,
    batch_job_id: Annotated[str | None, Query(max_length=64, description="The jobs of that batch only.")] = None,
) -> JobsReply:
    """All jobs, the newest first, or those of a batch in their order."""
    states = job_replies.STATES_OF[status] if status else ()
    model = replies.model_name(here, model_type) if model_type else None
    kinds = (kind,) if kind else ()
    found = here.board.page(
        page_size,
        (page - 1) * page_size,
        states=states,
        kinds=kinds,
        model=model,
        batch=batch_job_id,
        children_too=bool(kind),
    )
    return JobsReply(
        success=True,
        message="Jobs retrieved successfully",
        data=job_replies.lines(here, found.jobs),
        total=found.total,
        page=page,
        page_size=page_size,
        total_pages=-(-found.total // page_size),
        timestamp=timestamp(),
    )


@router.get("/{job_id}", response_model=Enveloped[JobLine])
def one_job(job_id: str, here: Here) -> dict[str, Any]:
    """All that is known of a job."""
    return envelope("Job retrieved successfully", job_replies.line(here, here.board.get(job_id)))


@router.get("/{job_id}/status", response_model=Enveloped[JobStatus])
def job_status(job_id: str, here: Here) -> dict[str, Any]:
    """How far a job is."""
    return envelope("Job status retrieved successfully", job_replies.status(here.board.get(job_id)))


@router.get("/{job_id}/result")
def job_result(
    job_id: str, here: Here, mask_format: Annotated[MaskFormat, Query()] = "png"
) -> MasksReply | SegmentationReply | ExtractionReply | BatchReply | Enveloped[Any]:
    """What a completed job found, in the form its synchronous route answers with."""
    return job_replies.result(here, here.board.get(job_id), mask_format)


@router.delete("/{job_id}", response_model=Done)
def delete_job(job_id: str, here: Here) -> dict[str, Any]:
    """Delete a job and its results; one that still runs is cancelled first."""
    here.board.delete(job_id)
    return envelope("Job deleted successfully")
