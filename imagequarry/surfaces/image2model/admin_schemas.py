"""The bodies of surface E's admin routes, as its document shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# Ten years; more is a slip of the finger.
_MOST_HOURS = 87_600


class DiskUsage(BaseModel):
    """A disk."""

    total_gb: float
    used_gb: float
    free_gb: float
    usage_percent: float


class DiskUsages(BaseModel):
    """The disks of what comes in and of what is made."""

    upload_dir: DiskUsage
    output_dir: DiskUsage
    timestamp: str


class CleanupRequest(BaseModel):
    """Which files are old."""

    model_config = ConfigDict(frozen=True)

    hours: (
        Annotated[int, Field(strict=True, gt=0, le=_MOST_HOURS)]
        | Annotated[float, Field(strict=True, gt=0, le=_MOST_HOURS, allow_inf_nan=False)]
    ) = 24
    dry_run: bool = False


class Cleaned(BaseModel):
    """What was removed, or would be."""

    freed_space_mb: float
    files_removed: int
    directories_removed: int
    errors: list[str]
    cleanup_hours: int | float
    timestamp: str


class JobCleanupRequest(BaseModel):
    """Whose files."""

    job_id: str = Field(min_length=1, max_length=128)


class CleanedJob(BaseModel):
    """What was removed of a job."""

    job_id: str
    files_removed: int
    space_freed_mb: float
    status: Literal["success", "partial"]


class DeletedJob(BaseModel):
    """What a job kept."""

    job_id: str
    files_deleted: int
    space_freed_mb: float
    status: Literal["success", "partial"]


class DirectoryItem(BaseModel):
    """A file, or a folder with the files in it."""

    path: str
    size_mb: float
    modified: str
    is_directory: bool
    file_count: int | None


class DirectoryList(BaseModel):
    """A folder; the totals are of all that lies in it."""

    directory: str
    total_size_mb: float
    total_files: int
    items: list[DirectoryItem]


class OccupiedDisk(BaseModel):
    """How much is kept."""

    uploads_gb: float
    results_gb: float
    logs_gb: float


class CleanupStatus(BaseModel):
    """When files were last removed by age."""

    last_run: str | None
    files_cleaned: int
    space_freed_mb: float


class SystemHealth(BaseModel):
    """The folders."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: str
    disk_usage: OccupiedDisk
    cleanup_status: CleanupStatus


class PullTaken(BaseModel):
    """A model's weights are being brought here. ``size_mb`` is about what the hub states."""

    job_id: str
    task_id: str
    model: str
    size_mb: int
    status: str
