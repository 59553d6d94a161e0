"""Puts log files aside that are large or of an earlier day, and deletes those that are old.

A file is put aside by a new name: who writes it notices at the next line and begins a new one, and a line written in
that moment is in the old one. So no line is lost, however many processes write and rotate at once.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from imagequarry.domain.log import LOG_TYPES
from imagequarry.stores.log_files import LogFile, LogFiles, begun

_log = structlog.stdlib.get_logger(__name__)

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Rotated:
    """The names of files that were put aside and of those that were left, and what went wrong."""

    aside: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """How many log files were deleted, their bytes, and what went wrong."""

    files: int = 0
    bytes: int = 0
    errors: tuple[str, ...] = ()


class LogRotation:
    """Files of more than ``most_bytes`` are put aside; after ``retention_days`` they are deleted, with 0 never."""

    def __init__(self, files: LogFiles, most_bytes: int, retention_days: int) -> None:
        self._files = files
        self._most_bytes = most_bytes
        self._retention_days = retention_days

    def rotate(self) -> Rotated:
        """Put aside what needs it: files that are too large, and those whose first line is of an earlier day."""
        aside, left, errors = [], [], []
        for type in LOG_TYPES:
            for file in self._files.of_type(type):
                if not (file.is_current and self._needs_it(file)):
                    left.append(file.path.name)
                    continue
                try:
                    _put_aside(file.path)
                except FileNotFoundError:
                    left.append(file.path.name)  # another process did it in this moment
                except OSError as error:
                    errors.append(f"{file.path.name} could not be put aside: {error.strerror}.")
                else:
                    aside.append(file.path.name)
        return Rotated(tuple(aside), tuple(left), tuple(errors))

    def remove(self, older_than_days: int) -> Removed:
        """Delete the files that were put aside and whose last line is older than that."""
        before = time.time() - older_than_days * _DAY_SECONDS
        count, size, errors = 0, 0, []
        for file in self._files.all():
            if file.is_current or file.modified.timestamp() >= before:
                continue
            try:
                file.path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                errors.append(f"{file.path.name} could not be deleted: {error.strerror}.")
            else:
                count, size = count + 1, size + file.size
        return Removed(count, size, tuple(errors))

    def sweep(self) -> None:
        """Do both, as often as one likes."""
        errors = self.rotate().errors
        if self._retention_days:
            errors += self.remove(self._retention_days).errors
        for sentence in errors:
            _log.warning("the log files cannot be kept in order", reason=sentence)

    def is_working(self) -> bool:
        """Whether no file grew far beyond what it may have."""
        return all(file.size <= 2 * self._most_bytes for file in self._files.all() if file.is_current)

    def _needs_it(self, file: LogFile) -> bool:
        if file.size > self._most_bytes:
            return True
        first = begun(file) if file.size else None
        return first is not None and first[:10] < datetime.now(UTC).date().isoformat()


def _put_aside(path: Path) -> None:
    """Rename the file to a name that nobody has: a rename would take the place of another file without a word."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    target = path.with_name(f"{path.name}.{stamp}")
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        path.replace(target)
    except OSError:
        target.unlink()
        raise
