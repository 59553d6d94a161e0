"""Surface A's words for jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imagequarry.capabilities.mask_formats import MaskFormat
from imagequarry.domain.job import Job, JobState
from imagequarry.jobs import segmenting
from imagequarry.runtime import Runtime
from imagequarry.surfaces.quarry import replies
from imagequarry.surfaces.quarry.dialect import timestamp
from imagequarry.surfaces.quarry.schemas import (
    BatchLine,
    BatchReply,
    BatchTaken,
    DriveFile,
    ExtractionReply,
    JobDetail,
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
_WORDS = {state: word for word, states in STATES_OF.items() for state in states}

_MOST_CHILDREN = 10_000


def lines(here: Runtime, jobs: Sequence[Job]) -> list[JobLine]:
    """Jobs as a list shows them."""
    counts = here.archive.mask_counts([job.id for job in jobs])
    return [JobLine(**_line(job, counts)) for job in jobs]


def detail(here: Runtime, job: Job) -> JobDetail:
    """A job with all that is known of it."""
    return JobDetail(
        **_line(job, here.archive.mask_counts([job.id])),
        kind=job.kind,
        progress=job.progress,
        message=job.message,
        error_code=job.error.code if job.error else None,
        error=job.error.message if job.error else None,
        batch_job_id=job.parent_id,
    )


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
) -> MasksReply | SegmentationReply | ExtractionReply | BatchReply:
    """What a job found. Raises ``Conflict`` with the job's state when it did not complete."""
    if job.is_batch:
        return batch(here, job)
    found = here.board.result(job.id)
    if job.kind == segmenting.EXTRACT.name:
        return _extraction(found)
    kept = here.archive.segmentation(job.id)
    if job.kind == segmenting.SINGLE.name:
        return replies.segmentation(kept, mask_format)
    return replies.masks(kept, mask_format)


def _extraction(found: Mapping[str, Any]) -> ExtractionReply:
    drive = found["drive"]
    return ExtractionReply(
        saved=[f"./results/{name}" for name in found["saved"]],
        skipped=found["skipped"],
        drive_files=[DriveFile(file_id=file_id, web_view=view) for file_id, view in drive["files"]],
        warnings=drive["warnings"],
    )


def _line(job: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "status": _WORDS[job.state],
        "model_type": job.model,
        "total_masks": counts.get(job.id, 0),
        "created_at": timestamp(job.created),
        "updated_at": _updated(job),
    }


def _updated(job: Job) -> str:
    return timestamp(job.finished or job.started or job.created)
