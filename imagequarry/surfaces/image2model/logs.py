"""/api/v1/logs: the log files: how large, what they tell, and out they go."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from imagequarry.domain.log import LOG_DESCRIPTIONS, LOG_TYPES, LogType
from imagequarry.errors import InvalidInput
from imagequarry.jobs import exporting
from imagequarry.jobs.exporting import ExportOrder
from imagequarry.jobs.log_forms import ExportForm
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.image2model import files
from imagequarry.surfaces.image2model.dialect import NAME, timestamp
from imagequarry.surfaces.image2model.log_schemas import (
    DailySummary,
    EndpointCount,
    ExportStarted,
    LogAnalysis,
    LogCleanup,
    LogDisk,
    LogHealth,
    LogRotation,
    LogStatistics,
    LogTypes,
    Performance,
    TimeRange,
)
from imagequarry.surfaces.image2model.sizes import mb

router = APIRouter(prefix="/api/v1/logs", tags=[NAME])

# No log is older than the program, and who asks for a day far ahead has made a slip.
_FIRST_YEAR = 2000
_FURTHEST = timedelta(days=366)
# What a slow machine reads of a log in a second.
_BYTES_A_SECOND = 10 * 2**20


@router.get("/statistics")
def statistics(here: Here) -> LogStatistics:
    """How many log files there are, and how large they are."""
    known = here.log_reports.statistics()
    return LogStatistics(
        total_files=known.files,
        total_size_mb=mb(known.bytes),
        oldest_file=timestamp(known.oldest) if known.oldest else None,
        newest_file=timestamp(known.newest) if known.newest else None,
        by_type={str(type): count for type, count in known.by_type.items()},
        log_directory=known.folder,
        disk_usage=LogDisk(used_mb=mb(known.bytes), available_mb=mb(known.free)),
    )


@router.post("/rotate")
def rotate(here: Here) -> LogRotation:
    """Put aside the log files that need it."""
    done = here.log_rotation.rotate()
    return LogRotation(rotated_files=list(done.aside), skipped_files=list(done.left), errors=list(done.errors))


@router.delete("/cleanup")
def cleanup(
    here: Here, older_than_days: Annotated[int, Query(ge=1, le=365, description="Days since the last line.")] = 30
) -> LogCleanup:
    """Delete log files that were put aside long ago."""
    gone = here.log_rotation.remove(older_than_days)
    return LogCleanup(
        status="partial" if gone.errors else "success",
        removed_files=gone.files,
        total_size_removed_mb=mb(gone.bytes),
        errors=list(gone.errors),
    )


@router.get("/analyze")
def analyze(
    here: Here,
    log_type: Annotated[LogType, Query(description="Type of log.")] = "celery_worker",
    hours_back: Annotated[int, Query(ge=1, le=168, description="Hours back from now.")] = 24,
) -> LogAnalysis:
    """What the last hours of a log say."""
    known = here.log_reports.analysis(log_type, hours_back)
    return LogAnalysis(
        time_range=TimeRange(start=timestamp(known.window.start), end=timestamp(known.window.end)),
        log_levels=known.levels,
        error_patterns=known.errors,
        request_patterns=known.paths,
        performance_metrics=Performance(
            avg_response_time_ms=round(known.average, 1), max_response_time_ms=round(known.longest, 1)
        ),
        lines_analyzed=known.entries,
        lines_skipped=known.broken,
    )


@router.get("/summary/daily")
def daily_summary(
    here: Here, date: Annotated[str | None, Query(max_length=32, description="YYYY-MM-DD, in UTC.")] = None
) -> DailySummary:
    """A day of all logs."""
    day = datetime.now(UTC).date() if date is None else _day("date", date)
    known = here.log_reports.day(day)
    return DailySummary(
        date=day.isoformat(),
        total_entries=known.entries,
        error_count=known.levels.get("ERROR", 0) + known.levels.get("CRITICAL", 0),
        warning_count=known.levels.get("WARNING", 0),
        top_endpoints=[EndpointCount(endpoint=path, count=count) for path, count in known.paths.items()],
        error_summary=[f"{pattern} ({count})" for pattern, count in known.errors.items()],
    )


@router.get("/types")
def types() -> LogTypes:
    """What logs there are."""
    return LogTypes(types=list(LOG_TYPES), descriptions={str(type): text for type, text in LOG_DESCRIPTIONS.items()})


@router.post("/export")
def export(
    here: Here,
    start_date: Annotated[str, Query(max_length=32, description="First day, YYYY-MM-DD.")],
    end_date: Annotated[str, Query(max_length=32, description="Last day, YYYY-MM-DD.")],
    log_types: Annotated[str | None, Query(max_length=200, description="Types, with commas between them.")] = None,
    format: Annotated[ExportForm, Query(description="json, csv or txt.")] = "json",
) -> ExportStarted:
    """Write the logs of some days into one file, in the background."""
    first, last = _day("start_date", start_date), _day("end_date", end_date)
    if first > last:
        raise InvalidInput("start_date is after end_date.", start_date=str(first), end_date=str(last))
    order = ExportOrder(first, last, _types(log_types), format)
    seconds = 1 + here.log_reports.size(order.types, first, last) / _BYTES_A_SECOND
    id = f"export_{here.board.submit(exporting.EXPORT.name, order).id}"
    return ExportStarted(
        export_id=id,
        status="started",
        estimated_completion=timestamp(datetime.now(UTC) + timedelta(seconds=seconds)),
        download_url=f"{router.prefix}/export/{id}/download",
    )


@router.head("/export/{export_id}/download", include_in_schema=False)
@router.get("/export/{export_id}/download", response_class=Response)
def download_export(here: Here, export_id: str) -> Response:
    """The file of an export that is ready."""
    job = exporting.found(here.board, export_id)
    files.require_completed(job)
    return files.of(exporting.exported(job, here.tools.exports))


@router.get("/health")
def health(here: Here) -> LogHealth:
    """Whether logs are written as they should be."""
    known = here.log_reports.health()
    return LogHealth(
        status=known.state,
        log_directory_writable=known.is_writable,
        disk_space_available=known.has_space,
        rotation_working=known.is_rotated,
        recent_errors=known.errors,
        last_log_entry=timestamp(known.newest) if known.newest else None,
    )


def _day(field: str, text: str) -> date:
    """The day a caller means. Raises InvalidInput for one that is none, or is absurd."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise InvalidInput(f"{field} must be a date such as 2024-03-15.", field=field) from error
    if day.isoformat() != text:
        raise InvalidInput(f"{field} must be a date such as 2024-03-15.", field=field)
    if day.year < _FIRST_YEAR or day > datetime.now(UTC).date() + _FURTHEST:
        raise InvalidInput(f"{field} must be from the year {_FIRST_YEAR} to a year from now.", field=field)
    return day


def _types(text: str | None) -> tuple[LogType, ...]:
    """The types a caller names, each once; all of them where none is named."""
    named = [name.strip() for name in (text or "").split(",") if name.strip()]
    if unknown := [name for name in named if name not in LOG_TYPES]:
        raise InvalidInput(f"There is no log type {unknown[0]!r}.", allowed_types=list(LOG_TYPES))
    return tuple(type for type in LOG_TYPES if type in named) or LOG_TYPES
