"""The events of all jobs as one stream, read once for everybody in the process who watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import structlog

from imagequarry.domain.job import WatchedEvent, plain_id
from imagequarry.jobs.bells import Bell
from imagequarry.jobs.events import LOOK_SECONDS
from imagequarry.stores.ledger_stream import EventLog, Gap

_log = structlog.stdlib.get_logger(__name__)

# Rings that come close together are answered by one look.
_PAUSE_SECONDS = 0.02
_AFTER_FAULT_SECONDS = 1.0
_READ_AT_ONCE = 500
# A number drawn before the reader began may be committed after: so many before the newest are looked for as well.
_LOOKED_FOR_AT_FIRST = 500
# A number that was not seen for so long was rolled back or deleted.
_GAP_SECONDS = 30.0
_MOST_GAPS = 100


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader is: it has seen every event up to ``highest``, but not those in the gaps."""

    highest: int
    gaps: tuple[Gap, ...] = ()

    def has_passed(self, seq: int) -> bool:
        """Whether the event was seen, so that it will not come any more."""
        return seq <= self.highest and not any(first <= seq <= last for first, last in self.gaps)


@dataclass(frozen=True, slots=True)
class News:
    """Some events in the order of their numbers, and where their reader stands after them."""

    events: tuple[WatchedEvent, ...]
    position: Position


class Watching:
    """Follows all jobs. What was before is asked for with the position of the last news, so nothing comes twice."""

    def __init__(self, log: EventLog, bell: Bell) -> None:
        self._log = log
        self._bell = bell

    def begin(self, call: Callable[[News], None]) -> Reader:
        """Start a thread that calls ``call`` with all events from now on; first, at once, with none.

        What is committed after that first call is not missed, whatever its number.
        """
        return Reader(self._log, self._bell, call)

    def past_of_job(self, id: str, position: Position, since: int = 0, limit: int = 1) -> list[WatchedEvent]:
        """The newest events of a job after ``since`` that the reader has passed, in order. Raises JobNotFound."""
        found = self._log.last_of_job(plain_id(id), _number(since), position.highest, limit)
        return [watched for watched in found if position.has_passed(watched.event.seq)]

    def past_of_family(self, id: str, since: int = 0, limit: int = 1000) -> list[WatchedEvent]:
        """The newest events of a job after ``since`` and what its children log, passed by a reader or not, in order."""
        return self._log.last_of_family(plain_id(id), _number(since), limit)

    def gone(self, ids: Collection[str]) -> set[str]:
        """Those of the jobs that were deleted, of which no event tells."""
        return self._log.missing(ids) if ids else set()

    def past(
        self, position: Position, since: int, limit: int = 1000, kinds: Collection[str] | None = None
    ) -> list[WatchedEvent]:
        """The same for all jobs outside batches, or those of some kinds; it reaches 5000 events back at most."""
        found = self._log.last(_number(since), position.highest, limit, kinds)
        return [watched for watched in found if position.has_passed(watched.event.seq)]


class Reader:
    """A thread that reads until ``end``."""

    def __init__(self, log: EventLog, bell: Bell, call: Callable[[News], None]) -> None:
        self._log = log
        self._bell = bell
        self._call = call
        self._rung = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job watcher", daemon=True)
        self._thread.start()

    def end(self, wait_seconds: float = 0.0) -> None:
        """Call nobody any more; the thread ends by itself, and is waited for that long."""
        self._ending.set()
        self._rung.set()
        if wait_seconds:
            self._thread.join(wait_seconds)

    def _run(self) -> None:
        gaps: _Gaps | None = None
        with self._bell.listening_to_all(self._rung.set):
            while not self._ending.is_set():
                self._rung.clear()  # before reading: what comes in between rings again
                try:
                    if gaps is None:
                        gaps = _Gaps(self._log.newest(_LOOKED_FOR_AT_FIRST))
                        self._tell(News((), gaps.position))
                    more = self._read(gaps)
                except Exception as error:  # noqa: BLE001 - the stream must outlive whatever the database does
                    _log.warning("the events of jobs cannot be read; trying again", reason=type(error).__name__)
                    self._ending.wait(_AFTER_FAULT_SECONDS)
                    continue
                if not more and self._rung.wait(LOOK_SECONDS):
                    self._ending.wait(_PAUSE_SECONDS)

    def _read(self, gaps: _Gaps) -> bool:
        """Tell what is new, and say whether there may be more."""
        before = gaps.position
        found = self._log.after(before.highest, before.gaps, _READ_AT_ONCE)
        gaps.saw([watched.event.seq for watched in found])
        if found:
            self._tell(News(tuple(found), gaps.position))
        return len(found) == _READ_AT_ONCE

    def _tell(self, news: News) -> None:
        if self._ending.is_set():
            return
        try:
            self._call(news)
        except Exception:  # noqa: BLE001 - a watcher's fault must not end the stream of the others
            _log.exception("a watcher could not be told")


class _Gaps:
    """Which numbers up to the highest one were not seen, and since when they are looked for."""

    def __init__(self, newest: list[int]) -> None:
        self._highest = newest[0] - 1 if newest else 0
        self._since: dict[Gap, float] = {}
        self.saw(newest)

    @property
    def position(self) -> Position:
        """The highest number, and the gaps in order."""
        return Position(self._highest, tuple(sorted(self._since)))

    def saw(self, numbers: list[int]) -> None:
        """Take these numbers, which are in order, off the gaps; what they leave out above the highest is a new one."""
        now = time.monotonic()
        for number in numbers:
            if number > self._highest:
                if number > self._highest + 1:
                    self._since[self._highest + 1, number - 1] = now
                self._highest = number
            else:
                self._close(number)
        lasting = {gap: since for gap, since in self._since.items() if now - since < _GAP_SECONDS}
        self._since = dict(sorted(lasting.items())[-_MOST_GAPS:])

    def _close(self, number: int) -> None:
        for (first, last), since in list(self._since.items()):
            if first <= number <= last:
                del self._since[first, last]
                if first < number:
                    self._since[first, number - 1] = since
                if number < last:
                    self._since[number + 1, last] = since


def _number(text: int) -> int:
    """A number that both databases can compare with."""
    return max(-1, min(text, 2**63 - 1))
