"""The job that exports logs: the entries of some days in one file, in the order of their times."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TextIO

from imagequarry.domain.job import Job, JobLimits
from imagequarry.domain.log import LogType
from imagequarry.errors import JobNotFound, NotFound, StorageFailure
from imagequarry.jobs.board import Board
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind, Tools
from imagequarry.jobs.log_forms import ExportForm, writer
from imagequarry.jobs.model_files import ResultFile
from imagequarry.stores.log_files import Entry, LogFiles, Reading, Window

_HOUR_SECONDS = 3600.0
# A hundred gigabytes of logs take their time.
_LONG = JobLimits(soft=6 * _HOUR_SECONDS - 60, hard=6 * _HOUR_SECONDS)
_CHECKED_EACH = 1000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """Export these types from the beginning of one day to the end of another, in UTC."""

    first: date
    last: date
    types: tuple[LogType, ...]
    form: ExportForm


def export(context: Context, order: ExportOrder, tools: Tools) -> dict[str, Any]:
    """Write the file, under another name until it is whole."""
    reading = Reading()
    with _written(file_of(tools.exports, context.job.id, order.form)) as file, writer(order.form, file) as write:
        for type, entry in _in_order(tools.logs, order, reading):
            write(type, entry)
            if reading.entries % _CHECKED_EACH == 0:
                context.progress(_passed(entry, order), f"{reading.entries} entries")
    return {"entries": reading.entries, "broken": reading.broken}


def file_of(exports: Path, job_id: str, form: ExportForm) -> Path:
    """Where the export of a job lies."""
    return exports / f"{job_id}.{form}"


def found(board: Board, id: str) -> Job:
    """The job of an export. Raises JobNotFound, for other jobs too."""
    job = board.get(id)
    if job.kind != EXPORT.name:
        raise JobNotFound("There is no export with that id.")
    return job


def exported(job: Job, exports: Path) -> ResultFile:
    """The file of an export that is completed. Raises NotFound when it was cleaned up."""
    order: ExportOrder = EXPORT.read(job.params)
    path = file_of(exports, job.id, order.form)
    try:
        state = path.stat()
    except OSError as error:
        raise NotFound("The file of that export was removed; export again.") from error
    return ResultFile(f"logs_{order.first}_{order.last}.{order.form}", path, state.st_size, state.st_mtime)


def export_files(job: Job, order: ExportOrder, tools: Tools) -> list[Path]:
    """The file of a job that ended."""
    path = file_of(tools.exports, job.id, order.form)
    return [path] if path.is_file() else []


def forget(job: Job, order: ExportOrder, tools: Tools) -> None:
    """Remove the file."""
    with suppress(OSError):
        file_of(tools.exports, job.id, order.form).unlink()


def _in_order(logs: LogFiles, order: ExportOrder, reading: Reading) -> Iterator[tuple[LogType, Entry]]:
    window = Window.of_days(order.first, order.last)

    def of_type(type: LogType) -> Iterator[tuple[LogType, Entry]]:
        for entry in logs.entries(type, window, reading):
            yield type, entry

    return heapq.merge(*map(of_type, order.types), key=lambda one: one[1]["timestamp"])


def _passed(entry: Entry, order: ExportOrder) -> float:
    """How far the days are passed, 0..1, by the day of an entry."""
    try:
        day = date.fromisoformat(entry["timestamp"][:10])
    except ValueError:  # it is in the span all the same, by its letters
        return 0.0
    return min(0.99, max(0.0, (day - order.first) / (order.last - order.first + _DAY)))


@contextmanager
def _written(target: Path) -> Iterator[TextIO]:
    """A text file that gets its name when all of it is on the disk; nothing is left of one that failed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            # Half characters that a file name left in a log are written as their numbers.
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise StorageFailure("The export could not be written.") from error


EXPORT = Kind("export-logs", ExportOrder, export, forget, limits=_LONG, files=export_files)
