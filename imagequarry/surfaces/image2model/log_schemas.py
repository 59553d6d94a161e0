"""The bodies of surface E's log routes, as its document shows them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class LogDisk(BaseModel):
    """What the log files take, and what the disk has left."""

    used_mb: float
    available_mb: float


class LogStatistics(BaseModel):
    """All log files."""

    total_files: int
    total_size_mb: float
    oldest_file: str | None
    newest_file: str | None
    by_type: dict[str, int]
    log_directory: str
    disk_usage: LogDisk


class LogRotation(BaseModel):
    """The names of files that were put aside, and of those that were not."""

    rotated_files: list[str]
    skipped_files: list[str]
    errors: list[str]


class LogCleanup(BaseModel):
    """What was deleted."""

    status: Literal["success", "partial"]
    removed_files: int
    total_size_removed_mb: float
    errors: list[str]


class TimeRange(BaseModel):
    """From when until when."""

    start: str
    end: str


class Performance(BaseModel):
    """How long requests or jobs took."""

    avg_response_time_ms: float
    max_response_time_ms: float


class LogAnalysis(BaseModel):
    """What some of the log says."""

    time_range: TimeRange
    log_levels: dict[str, int]
    error_patterns: dict[str, int]
    request_patterns: dict[str, int]
    performance_metrics: Performance
    lines_analyzed: int
    lines_skipped: int


class EndpointCount(BaseModel):
    """How often a path was asked for."""

    endpoint: str
    count: int


class DailySummary(BaseModel):
    """A day."""

    date: str
    total_entries: int
    error_count: int
    warning_count: int
    top_endpoints: list[EndpointCount]
    error_summary: list[str]


class LogTypes(BaseModel):
    """What logs there are."""

    types: list[str]
    descriptions: dict[str, str]


class ExportStarted(BaseModel):
    """An export that was handed in."""

    export_id: str
    status: Literal["started"]
    estimated_completion: str
    download_url: str


class LogHealth(BaseModel):
    """Whether logs are written as they should be; errors are those of the last hour."""

    status: Literal["healthy", "degraded", "unhealthy"]
    log_directory_writable: bool
    disk_space_available: bool
    rotation_working: bool
    recent_errors: int
    last_log_entry: str | None
