"""Job events for all who watch in this process: one reader, started with the first of them and ended with the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from imagequarry.domain.job import JobEvent, WatchedEvent
from imagequarry.jobs.watching import News, Position, Reader, Watching
from imagequarry.ops.logs import logger

T = TypeVar("T")

_log = logger(__name__)

_FIRST_LOOK_SECONDS = 5.0
_LAST_LOOK_SECONDS = 5.0
_THREADS = 4


class Feed:
    """Brings events to the surfaces. Belongs to one event loop; make it inside."""

    def __init__(self, watching: Watching) -> None:
        self.watching = watching
        self._hearers: list[Callable[[Sequence[WatchedEvent]], None]] = []
        self._threads = CapacityLimiter(_THREADS)
        self._watchers = 0
        self._reader: Reader | None = None
        self._position: Position | None = None
        self._began = asyncio.Event()

    def tell(self, hear: Callable[[Sequence[WatchedEvent]], None]) -> None:
        """Call ``hear`` with all events there will be while anybody watches; without progress that is stale already."""
        self._hearers.append(hear)

    @property
    def position(self) -> Position | None:
        """How far it has told; None while nobody watches, or before its first look."""
        return self._position

    async def join(self) -> None:
        """Count a watcher in; when this returns, what happens from now on will be told. ``leave`` must follow."""
        self._watchers += 1
        if self._reader is None:
            self._begin()
        try:
            async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                await self._began.wait()
        except TimeoutError:
            # The reader goes on trying; nothing happens to jobs while the database is away.
            _log.warning("the events of jobs cannot be read yet")

    def leave(self) -> None:
        """Count a watcher out."""
        self._watchers -= 1
        if self._watchers == 0 and self._reader is not None:
            self._reader.end()
            self._reader, self._position = None, None
            self._began.clear()

    def close(self) -> None:
        """End the reader, and wait for it; call it, in a thread, before the database is closed."""
        if self._reader is not None:
            self._reader.end(_LAST_LOOK_SECONDS)

    async def read(self, look: Callable[[], T]) -> T:
        """What ``look`` finds.

        In threads of its own, so that clients who ask often take none from others; nobody waits for one who left.
        """
        return await to_thread.run_sync(look, limiter=self._threads, abandon_on_cancel=True)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()

        def told(news: News) -> None:
            # The reader is looked up in the loop: the first news may come before it has its name here.
            loop.call_soon_threadsafe(lambda: self._arrived(reader, news))

        reader = self._reader = self.watching.begin(told)

    def _arrived(self, reader: Reader, news: News) -> None:
        if reader is not self._reader:
            return  # of a reader that was ended meanwhile
        self._position = news.position
        self._began.set()
        events = without_stale_progress(news.events)
        for hear in self._hearers:
            try:
                hear(events)
            except Exception:  # noqa: BLE001 - one surface's fault must not keep the others from hearing
                _log.exception("a surface could not be told of events")


def without_stale_progress(events: Sequence[WatchedEvent]) -> list[WatchedEvent]:
    """The events without the progress of a job that a later progress follows."""
    newest = {watched.event.job_id: watched.event.seq for watched in events if is_progress(watched.event)}
    return [
        watched
        for watched in events
        if not is_progress(watched.event) or newest[watched.event.job_id] == watched.event.seq
    ]


def is_progress(event: JobEvent) -> bool:
    """Whether a later one of the same job makes it worthless."""
    return event.type == "progress"
