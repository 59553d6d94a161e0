"""Which log files there are: the four that are written, and those that were put aside, by us or by logrotate."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from imagequarry.domain.log import LOG_TYPES, LogType
from imagequarry.stores.log_files.entries import Entry, Reading, Window, entries, first_time, written
from imagequarry.stores.log_files.lines import UNREADABLE, opened

# A file's time is that of its last write; clocks of file servers differ a little.
_SLACK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file as it was when it was looked for; ``is_current``: it is still written to."""

    type: LogType
    path: Path
    size: int
    modified: datetime
    is_current: bool


class LogFiles:
    """The files of ``folder``; ``application_file`` takes the place of ``application.log`` there."""

    def __init__(self, folder: Path, application_file: Path | None = None) -> None:
        self.folder = folder
        self._current: dict[LogType, Path] = {type: folder / f"{type}.log" for type in LOG_TYPES}
        if application_file is not None:
            self._current["application"] = application_file

    def path(self, type: LogType) -> Path:
        """The file that lines of that type are written to."""
        return self._current[type]

    def of_type(self, type: LogType) -> list[LogFile]:
        """The files of a type, the oldest first and the one that is written to last. No links, nothing but files."""
        current = self._current[type]
        aside = re.compile(re.escape(current.name) + r"[.-].+", re.DOTALL)
        found = []
        with suppress(OSError), os.scandir(current.parent) as entries_of_folder:
            for entry in entries_of_folder:
                if entry.name != current.name and not aside.fullmatch(entry.name):
                    continue
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(state.st_mode):
                        time = datetime.fromtimestamp(state.st_mtime, UTC)
                        found.append(LogFile(type, Path(entry.path), state.st_size, time, entry.name == current.name))
        return sorted(found, key=lambda file: (file.is_current, file.modified, file.path.name))

    def all(self) -> list[LogFile]:
        """The files of all types."""
        return [file for type in LOG_TYPES for file in self.of_type(type)]

    def needed(self, types: Sequence[LogType], window: Window) -> list[LogFile]:
        """The files that may hold entries of that span."""
        return [file for type in types for file in self.of_type(type) if _may_hold(file, window)]

    def entries(self, type: LogType, window: Window, reading: Reading) -> Iterator[Entry]:
        """What was logged in that span, file by file.

        The current file is opened before the others are looked for, and told from them by its number: a file that
        is put aside meanwhile is read once all the same.
        """
        with suppress(OSError), opened(self._current[type]) as current:
            identity = _identity(current)
            yield from self._aside(type, window, reading, identity)
            yield from entries(current, window, reading)
            return
        yield from self._aside(type, window, reading, None)

    def _aside(
        self, type: LogType, window: Window, reading: Reading, current: tuple[int, int] | None
    ) -> Iterator[Entry]:
        for file in self.of_type(type):
            if file.is_current or not _may_hold(file, window):
                continue
            with suppress(OSError), opened(file.path) as stream:
                if _identity(stream) != current:
                    yield from entries(stream, window, reading)


def begun(file: LogFile) -> str | None:
    """The time to the second of the file's first entry; None for an empty one."""
    try:
        with opened(file.path) as stream:
            return first_time(stream)
    except UNREADABLE:
        return None


def _may_hold(file: LogFile, window: Window) -> bool:
    if file.modified.timestamp() < window.start.timestamp() - _SLACK_SECONDS:
        return False
    first = begun(file)
    return first is None or first < written(window.end)


def _identity(file: BinaryIO) -> tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_dev, state.st_ino
