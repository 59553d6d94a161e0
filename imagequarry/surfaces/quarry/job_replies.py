"""Surface A's words for jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imagequarry.capabilities.mask_formats import MaskFormat
from imagequarry.domain.job import Job, JobError, JobState, plain_id
from imagequarry.domain.records import Segmentation
from imagequarry.errors import Conflict, JobNotFound
from imagequarry.jobs import segmenting
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.quarry import replies
from imagequarry.surfaces.quarry.dialect import timestamp
from imagequarry.surfaces.quarry.schemas import (
    BatchLine,
    BatchReply,
    BatchTaken,
    DriveFile,
    Enveloped,
    ExtractionReply,
    JobLine,
    JobStatus,
    MasksReply,
    SegmentationReply,
)

# Document A knows no cancelled jobs: they failed, with the code CANCELLED.
STATES_OF: Mapping[str, Sequence[JobState]] = {
    "pending": ("queued",),
    "running": ("running",),
    "completed": ("completed",),
    "failed": ("failed", "cancelled"),
}
_WORDS: Mapping[JobState, str] = {state: word for word, states in STATES_OF.items() for state in states}

_MASK_KINDS = frozenset((segmenting.EVERYTHING.name, segmenting.BOX.name))
_MOST_CHILDREN = 10_000


def lines(here: Runtime, jobs: Sequence[Job]) -> list[JobLine]:
    """Jobs with all that is known of them but their results."""
    counts = _mask_counts(here, jobs)
    return [_line(job, counts.get(job.id, 0)) for job in jobs]


def line(here: Runtime, job: Job) -> JobLine:
    """The same of one job."""
    return lines(here, [job])[0]


def status(job: Job) -> JobStatus:
    """How far a job is."""
    return JobStatus(
        job_id=job.id,
        status=_WORDS[job.state],
        created_at=timestamp(job.created),
        updated_at=_updated(job),
        progress=job.progress,
        total_images=max(1, job.children),
        processed_images=job.children_completed + job.children_failed if job.is_batch else int(job.ended),
        message=job.message,
        error=job.error.message if job.error else None,
    )


def taken(job: Job) -> BatchTaken:
    """A batch that was handed in; it is a task as well, under the same id."""
    return BatchTaken(
        batch_job_id=job.id,
        task_id=job.id,
        status="submitted",
        total_images=job.children,
        created_at=timestamp(job.created),
    )


def batch(here: Runtime, job: Job) -> BatchReply:
    """A batch with its pictures, in their order."""
    children = here.board.children(job.id, _MOST_CHILDREN).jobs
    counts = here.archive.mask_counts([child.id for child in children])
    return BatchReply(
        batch_job_id=job.id,
        status=_WORDS[job.state],
        total_images=job.children,
        completed_images=job.children_completed,
        failed_images=job.children_failed,
        created_at=timestamp(job.created),
        updated_at=_updated(job),
        jobs=[
            BatchLine(
                job_id=child.id,
                status=_WORDS[child.state],
                model_type=child.model,
                total_masks=counts.get(child.id, 0),
                error=child.error.message if child.error else None,
            )
            for child in children
        ],
    )


def result(
    here: Runtime, job: Job, mask_format: MaskFormat
) -> MasksReply | SegmentationReply | ExtractionReply | BatchReply | Enveloped[Any]:
    """What a job found, of another surface's as it is. Raises ``Conflict`` with its status when it did not complete.

    A batch that ended has a result also when pictures failed: it says which.
    """
    if job.is_batch and job.ended:
        return batch(here, job)
    _require_completed(job)
    if job.kind == segmenting.SINGLE.name:
        return replies.segmentation(here.archive.segmentation(job.id), mask_format)
    if job.kind in _MASK_KINDS:
        return replies.masks(here.archive.segmentation(job.id), mask_format)
    found = here.board.result(job.id)
    if job.kind == segmenting.EXTRACT.name:
        return _extraction(found)
    return Enveloped[Any](success=True, message="Job result retrieved successfully", timestamp=timestamp(), data=found)


def found(here: Runtime, id: str) -> Segmentation:
    """The masks that a job, or a request of any surface, found. Raises ``JobNotFound``, ``Conflict``."""
    try:
        return here.archive.segmentation(plain_id(id))
    except JobNotFound:
        job = here.board.get(id)
        _require_completed(job)
        raise Conflict("The job found no masks; ask for its result at /jobs/.", status=_WORDS[job.state]) from None


def _require_completed(job: Job) -> None:
    if job.state == "completed":
        return
    details: dict[str, Any] = {"status": _WORDS[job.state], "progress": job.progress}
    if not job.ended:
        state = "has not started yet" if job.state == "queued" else "is still running"
        raise Conflict(f"The job {state}; ask again when its status is completed.", **details)
    why = job.error or JobError("INTERNAL", "")
    raise Conflict(f"The job failed, so there is no result. {why.message}".rstrip(), **details, error_code=why.code)


def _mask_counts(here: Runtime, jobs: Sequence[Job]) -> dict[str, int]:
    batches = [job.id for job in jobs if job.is_batch]
    return here.archive.mask_counts([job.id for job in jobs]) | here.archive.mask_counts_of_batches(batches)


def _extraction(found: Mapping[str, Any]) -> ExtractionReply:
    drive = found["drive"]
    return ExtractionReply(
        saved=[f"./results/{name}" for name in found["saved"]],
        skipped=found["skipped"],
        drive_files=[DriveFile(file_id=file_id, web_view=view) for file_id, view in drive["files"]],
        warnings=drive["warnings"],
    )


def _line(job: Job, masks: int) -> JobLine:
    return JobLine(
        job_id=job.id,
        status=_WORDS[job.state],
        model_type=job.model,
        total_masks=masks,
        created_at=timestamp(job.created),
        updated_at=_updated(job),
        kind=job.kind,
        filename=str(job.params.get("filename", "")),
        batch_job_id=job.parent_id,
        image_id=job.params.get("image_id"),
        total_images=job.children,
        started_at=timestamp(job.started) if job.started else None,
        progress=job.progress,
        message=job.message,
        error_code=job.error.code if job.error else None,
        error=job.error.message if job.error else None,
    )


def _updated(job: Job) -> str:
    return timestamp(job.finished or job.started or job.created)
