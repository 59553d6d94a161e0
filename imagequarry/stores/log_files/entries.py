"""What the lines of a log file say: only those of a span of time are taken apart, the others cost a comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, BinaryIO

from pydantic_core import from_json

from imagequarry.stores.log_files.lines import lines

Entry = dict[str, Any]
"""A line: ``timestamp``, ``level``, ``event``, ``logger`` and whatever else was logged. Strangers' words."""

# As our own writer puts it; quotes inside of a text are escaped, so no message can look like it.
_TIME = b'"timestamp": "'
# Bytes of a time to the second: 2024-03-15T10:30:00.
_SECONDS = 19
_BEGUN, _ENDED = len(_TIME), len(_TIME) + _SECONDS
# How far the first time of a file is looked for.
_FIRST_LINES, _FIRST_BYTES = 20, 1 << 16
# Several processes write: their lines are in order but for moments.
_DISORDER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in whole seconds, the end not in it."""

    start: datetime
    end: datetime

    @staticmethod
    def of_days(first: date, last: date) -> Window:
        """From the beginning of the first day to the end of the last one, in UTC."""
        start, end = (datetime.combine(day, time(), UTC) for day in (first, last))
        return Window(start, end + timedelta(days=1))

    @staticmethod
    def back(hours: float) -> Window:
        """The last hours, the present second included."""
        now = datetime.now(UTC).replace(microsecond=0)
        return Window(now - timedelta(hours=hours), now + timedelta(seconds=1))


@dataclass(slots=True)
class Reading:
    """Counts while somebody reads: the entries taken, and the lines among them that could not be read."""

    entries: int = 0
    broken: int = 0


def entries(file: BinaryIO, window: Window, reading: Reading) -> Iterator[Entry]:
    """The entries of that span, in their order. What is no JSON object with a time is counted and passed over."""
    start, end = _as_written(window.start), _as_written(window.end)
    for line in lines(file, _may_hold(window)):
        if not line:
            reading.broken += line is None
            continue
        at = line.rfind(_TIME)
        if at >= 0 and not start <= line[at + _BEGUN : at + _ENDED] < end:
            continue
        entry = _parsed(line)
        if entry is None:
            reading.broken += 1
        elif at >= 0 or start <= entry["timestamp"][:_SECONDS].encode(errors="replace") < end:
            reading.entries += 1
            yield entry


def first_time(file: BinaryIO) -> str | None:
    """The time to the second of the first line that has one, looked for in the first few."""
    for _ in range(_FIRST_LINES):
        entry = _parsed(file.readline(_FIRST_BYTES))
        if entry is not None:
            begun: str = entry["timestamp"][:_SECONDS]
            return begun
    return None


def written(moment: datetime) -> str:
    """A time as entries begin with it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _may_hold(window: Window) -> Callable[[bytes], bool]:
    """Whether a block may hold entries of the span, by its first and its last time."""
    start, end = _as_written(window.start - _DISORDER), _as_written(window.end + _DISORDER)

    def may_hold(block: bytes) -> bool:
        first, last = block.find(_TIME), block.rfind(_TIME)
        if first < 0 or last + _ENDED > len(block):
            return True
        return block[first + _BEGUN : first + _ENDED] < end and block[last + _BEGUN : last + _ENDED] >= start

    return may_hold


def _as_written(moment: datetime) -> bytes:
    return written(moment).encode()


def _parsed(line: bytes) -> Entry | None:
    try:
        entry = from_json(line, cache_strings="keys")
    except ValueError:
        try:  # slower, and bears halves of characters, which file names may hold
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return None
    if isinstance(entry, dict) and isinstance(entry.get("timestamp"), str):
        return entry
    return None
