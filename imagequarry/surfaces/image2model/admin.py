"""/api/v1/admin: disk, files and their removal, for who keeps the server."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from imagequarry.jobs import pulling
from imagequarry.ops.folders import Disk, Item
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.image2model import states
from imagequarry.surfaces.image2model.admin_schemas import (
    Cleaned,
    CleanedJob,
    CleanupRequest,
    CleanupStatus,
    DeletedJob,
    DirectoryItem,
    DirectoryList,
    DiskUsage,
    DiskUsages,
    JobCleanupRequest,
    OccupiedDisk,
    PullTaken,
    SystemHealth,
)
from imagequarry.surfaces.image2model.dialect import NAME, timestamp
from imagequarry.surfaces.image2model.sizes import gb, mb

router = APIRouter(prefix="/api/v1/admin", tags=[NAME])


@router.get("/disk-usage")
def disk_usage(here: Here) -> DiskUsages:
    """How full the disks are that hold uploads and results."""
    uploads, results = here.storage.disks()
    return DiskUsages(upload_dir=_usage(uploads), output_dir=_usage(results), timestamp=timestamp())


@router.post("/cleanup")
def cleanup(here: Here, body: CleanupRequest = CleanupRequest()) -> Cleaned:  # noqa: B008 - frozen
    """Remove old files, or tell which would be removed."""
    tally = here.cleanup.old(body.hours, dry_run=body.dry_run)
    return Cleaned(
        freed_space_mb=mb(tally.bytes),
        files_removed=tally.files,
        directories_removed=tally.folders,
        errors=list(tally.errors),
        cleanup_hours=body.hours,
        timestamp=timestamp(),
    )


@router.post("/cleanup-job")
def cleanup_job(here: Here, body: JobCleanupRequest) -> CleanedJob:
    """Remove the files of a job that ended, and keep what is known of it."""
    tally = here.cleanup.of_job(body.job_id)
    return CleanedJob(
        job_id=body.job_id,
        files_removed=tally.files,
        space_freed_mb=mb(tally.bytes),
        status="partial" if tally.errors else "success",
    )


@router.get("/list-files")
def list_files(
    here: Here,
    directory: Annotated[Literal["uploads", "results"], Query(description="uploads or results.")],
    limit: Annotated[int, Query(ge=1, le=10_000, description="Most items that are told.")] = 100,
) -> DirectoryList:
    """What lies in a folder, the newest first."""
    found = here.storage.listing(directory, limit)
    return DirectoryList(
        directory=directory,
        total_size_mb=mb(found.holds.bytes),
        total_files=found.holds.files,
        items=[_item(item) for item in found.items],
    )


@router.delete("/delete-job/{job_id}")
def delete_job(here: Here, job_id: str) -> DeletedJob:
    """Delete all that a job keeps, and the job."""
    tally = here.cleanup.whole_job(job_id)
    return DeletedJob(
        job_id=job_id,
        files_deleted=tally.files,
        space_freed_mb=mb(tally.bytes),
        status="partial" if tally.errors else "success",
    )


@router.post("/models/{model_name}/pull")
def pull_model(here: Here, model_name: str) -> PullTaken:
    """Bring a model's weights from the hub, in the background."""
    card = here.tools.pulling.ready(model_name)
    job = pulling.submit(here.board, card)
    return PullTaken(job_id=job.id, task_id=job.id, model=card.name, size_mb=card.size_mb, status=states.word(job))


@router.get("/system-health")
def system_health(here: Here) -> SystemHealth:
    """Whether there is room, how much is kept, and when files were last removed."""
    report = here.storage.report()
    last = here.cleanup.last()
    return SystemHealth(
        status=report.state,
        timestamp=timestamp(),
        disk_usage=OccupiedDisk(
            uploads_gb=gb(report.uploads.bytes), results_gb=gb(report.results.bytes), logs_gb=gb(report.logs.bytes)
        ),
        cleanup_status=CleanupStatus(
            last_run=timestamp(last.at) if last else None,
            files_cleaned=last.files if last else 0,
            space_freed_mb=mb(last.bytes) if last else 0.0,
        ),
    )


def _usage(disk: Disk) -> DiskUsage:
    return DiskUsage(
        total_gb=gb(disk.total),
        used_gb=gb(disk.used),
        free_gb=gb(disk.free),
        usage_percent=round(100 * disk.used / max(1, disk.total), 2),
    )


def _item(item: Item) -> DirectoryItem:
    return DirectoryItem(
        path=item.name,
        size_mb=mb(item.holds.bytes),
        modified=timestamp(item.modified),
        is_directory=item.is_folder,
        file_count=item.holds.files if item.is_folder else None,
    )
