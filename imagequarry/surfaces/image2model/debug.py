"""/api/v1/debug: what is known of a job."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.errors import JobNotFound
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.image2model import states
from imagequarry.surfaces.image2model.dialect import NAME, timestamp
from imagequarry.surfaces.image2model.schemas import JobDebug, JobMetadata

router = APIRouter(prefix="/api/v1/debug", tags=[NAME])


@router.get("/job/{job_id}")
def job(job_id: str, here: Here) -> JobDebug:
    """Whether the ledger knows a job, and what it and the folder of results hold of it."""
    try:
        found = here.board.get(job_id)
        files = [file.name for file in here.model_files.models(found.id)]
    except JobNotFound:
        return JobDebug(job_id=job_id, found=False, files=[], metadata=None)
    metadata = JobMetadata(
        created=timestamp(found.created),
        status=states.word(found),
        kind=found.kind,
        model=found.model,
        progress=states.percent(found.progress),
        attempts=found.attempt,
        error=states.failure(found),
    )
    return JobDebug(job_id=found.id, found=True, files=files, metadata=metadata)
