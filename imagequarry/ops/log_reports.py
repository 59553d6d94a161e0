"""What the log files tell: how many there are, what went wrong, what was asked for and how long it took."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from imagequarry.domain.log import LOG_TYPES, LogType
from imagequarry.ops.folders import disk
from imagequarry.ops.log_patterns import Words, error_of, path_pattern
from imagequarry.ops.log_rotation import LogRotation
from imagequarry.stores.log_files import LogFiles, Reading, Window

_MOST_PATTERNS = 20
_MOST_PATHS = 50
_MOST_OF_A_DAY = 10
_LEVELS = {name.lower(): name for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")}
_NUMBERS = (int, float)
_ERRORS = frozenset({"ERROR", "CRITICAL"})
# The errors of jobs are in both of their files; counted are those of one.
_COUNTED: tuple[LogType, ...] = ("application", "access", "celery_worker")
_LEAST_FREE_BYTES = 100 * 2**20


@dataclass(frozen=True, slots=True)
class Statistics:
    """All log files; times are those of the last write."""

    files: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None
    by_type: dict[LogType, int]
    folder: str
    free: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """What some of the log says; times in milliseconds. ``broken`` lines could not be read."""

    window: Window
    levels: dict[str, int]
    errors: dict[str, int]
    paths: dict[str, int]
    average: float
    longest: float
    entries: int
    broken: int


@dataclass(frozen=True, slots=True)
class LogHealth:
    """``errors`` are those of the last hour."""

    state: Literal["healthy", "degraded", "unhealthy"]
    is_writable: bool
    has_space: bool
    is_rotated: bool
    errors: int
    newest: datetime | None


class LogReports:
    """Reads the files when it is asked, line by line; nothing is kept."""

    def __init__(self, files: LogFiles, rotation: LogRotation) -> None:
        self._files = files
        self._rotation = rotation

    def statistics(self) -> Statistics:
        """How many files there are of each type, and how large they are together."""
        files = self._files.all()
        times = sorted(file.modified for file in files)
        counts = Counter(file.type for file in files)
        return Statistics(
            files=len(files),
            bytes=sum(file.size for file in files),
            oldest=times[0] if times else None,
            newest=times[-1] if times else None,
            by_type={type: counts[type] for type in LOG_TYPES},
            folder=str(self._files.folder.absolute()),
            free=disk(self._files.folder).free,
        )

    def size(self, types: Sequence[LogType], first: date, last: date) -> int:
        """Bytes of the files that may tell of those days."""
        return sum(file.size for file in self._files.needed(types, Window.of_days(first, last)))

    def analysis(self, type: LogType, hours: int) -> Analysis:
        """The last hours of a type."""
        return self._analysed((type,), Window.back(hours), _MOST_PATTERNS, _MOST_PATHS)

    def day(self, day: date) -> Analysis:
        """A day of all types."""
        return self._analysed(_COUNTED, Window.of_days(day, day), _MOST_OF_A_DAY, _MOST_OF_A_DAY)

    def health(self) -> LogHealth:
        """Whether lines can be written, and whether there is reason to look at them."""
        is_writable = self._is_writable()
        has_space = disk(self._files.folder).free >= _LEAST_FREE_BYTES
        is_rotated = self._rotation.is_working()
        last_hour = self._analysed(("application", "celery_worker"), Window.back(1), 1, 1)
        times = [file.modified for file in self._files.all() if file.size]
        return LogHealth(
            state="unhealthy" if not is_writable else "healthy" if has_space and is_rotated else "degraded",
            is_writable=is_writable,
            has_space=has_space,
            is_rotated=is_rotated,
            errors=sum(last_hour.levels.get(level, 0) for level in _ERRORS),
            newest=max(times, default=None),
        )

    def _analysed(self, types: tuple[LogType, ...], window: Window, most_errors: int, most_paths: int) -> Analysis:
        reading, count = Reading(), _Count()
        for type in types:
            for entry in self._files.entries(type, window, reading):
                count.add(entry)
        return Analysis(
            window=window,
            levels=count.levels,
            errors=count.errors.top(most_errors),
            paths=count.paths.top(most_paths),
            average=count.total / count.timed if count.timed else 0.0,
            longest=count.longest,
            entries=reading.entries,
            broken=reading.broken,
        )

    def _is_writable(self) -> bool:
        try:
            with tempfile.TemporaryFile(dir=self._files.folder):
                return True
        except OSError:
            return False


class _Count:
    """What is counted line by line."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self.errors = Words()
        self.paths = Words()
        self.timed = 0
        self.total = 0.0
        self.longest = 0.0

    def add(self, entry: dict[str, Any]) -> None:
        level = _level(entry.get("level"))
        self.levels[level] = self.levels.get(level, 0) + 1
        if level in _ERRORS:
            self.errors.add(error_of(entry))
        # A request that matched no route has its path alone.
        path = entry.get("route") or entry.get("path")
        if isinstance(path, str):
            self.paths.add(path_pattern(path))
        duration = entry.get("duration_ms")
        if isinstance(duration, _NUMBERS) and 0 <= duration < math.inf:
            self.timed += 1
            self.total += duration
            if duration > self.longest:
                self.longest = duration


def _level(value: Any) -> str:
    """The level as documents write it."""
    return _LEVELS.get(value, "OTHER") if isinstance(value, str) else "OTHER"
