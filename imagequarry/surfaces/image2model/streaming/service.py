"""All event streams of a process: lets them in, brings them what happens to their jobs, ends them with the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from imagequarry.domain.job import Job, WatchedEvent
from imagequarry.errors import Busy, QuarryError
from imagequarry.jobs.board import Board
from imagequarry.ops.logs import logger
from imagequarry.surfaces.image2model import progress
from imagequarry.surfaces.image2model.progress import Progress
from imagequarry.surfaces.image2model.streaming import events
from imagequarry.surfaces.image2model.streaming.batches import MOST_FILES, Retelling
from imagequarry.surfaces.image2model.streaming.events import Told
from imagequarry.surfaces.streams import Streams
from imagequarry.surfaces.watching.event_stream import StreamLimits
from imagequarry.surfaces.watching.feed import Feed, without_stale_progress
from imagequarry.surfaces.watching.subscriptions import Subscription, Subscriptions

_log = logger(__name__)

# No event tells that a job was deleted, so that is looked for: for all jobs that are watched at once.
_LOOK_SECONDS = 1.0
_MOST_OF_THE_PAST = 1000


class TaskStreams:
    """Belongs to one event loop; make it inside."""

    def __init__(self, feed: Feed, board: Board, streams: Streams, limits: StreamLimits | None = None) -> None:
        self.limits = limits or StreamLimits()
        self._feed = feed
        self._board = board
        self._streams = streams
        self._open = 0
        self._subscriptions: Subscriptions[Told] = Subscriptions()
        self._batches: dict[str, Retelling] = {}
        self._looking: asyncio.Task[None] | None = None
        feed.tell(self._hear)

    @property
    def open(self) -> int:
        """How many streams are open; may be asked from any thread."""
        return self._open

    @contextmanager
    def place(self, end: Callable[[], None]) -> Iterator[None]:
        """Count a stream while it is open; ``end`` is called in the loop when the server ends. Raises Busy."""
        if self._open >= self.limits.places:
            raise Busy("As many event streams are open as this server takes; try again later.", retry_after=10)
        loop = asyncio.get_running_loop()

        def end_there() -> None:
            loop.call_soon_threadsafe(end)

        with self._streams.opened(end_there):
            self._open += 1
            try:
                yield
            finally:
                self._open -= 1

    @asynccontextmanager
    async def followed(self, task_id: str, since: int, deliver: Callable[[Told], None]) -> AsyncIterator[bool]:
        """Bring ``deliver`` what happened to the job after the event ``since``, and what will.

        False says that there is nothing any more: the job ended and ``since`` is its end. Raises JobNotFound.
        """
        job = await self._feed.read(lambda: self._board.get(task_id))
        newest = 0

        def bring(told: Told) -> None:
            if told.seq > newest or told.seq == events.NO_NUMBER:
                deliver(told)

        subscription = Subscription(job.id, bring)
        try:
            await self._feed.join()
            subscription.hold()  # what happens while the past is read waits for it
            self._add(subscription, job)
            try:
                past = await self._feed.read(lambda: self._past(job.id, since))
                for told in past or ():
                    deliver(told)
                    newest = told.seq
                subscription.release()
                yield past is not None
            finally:
                self._remove(subscription)
        finally:
            self._feed.leave()

    def _past(self, id: str, since: int) -> list[Told] | None:
        """What was, the newest; None when the job ended and its end is not among it."""
        job = self._board.get(id)  # before its events: then they hold the end of one that ended
        found = events.since_restart(self._feed.watching.past_of_family(id, since, _MOST_OF_THE_PAST), id)
        if job.ended and not any(events.ends(id, watched) for watched in found):
            return None
        files = progress.of_job(self._board, job) if _is_told_with_files(job) else None
        return [events.told(id, watched, files) for watched in without_stale_progress(found)]

    def _hear(self, found: Sequence[WatchedEvent]) -> None:
        for watched in found:
            for topic in events.topics_of(watched):
                if topic in self._batches:
                    self._batches[topic].hear(watched)
                elif topic in self._subscriptions:
                    self._subscriptions.tell(topic, events.told(topic, watched))

    async def _retell(self, job: Job, found: list[WatchedEvent]) -> None:
        files: Progress | None = None
        try:
            files = await self._feed.read(lambda: progress.of_job(self._board, job))
        except QuarryError as error:
            _log.warning("the files of a batch cannot be read", job_id=job.id, reason=error.message)
        for watched in without_stale_progress(found):
            self._subscriptions.tell(job.id, events.told(job.id, watched, files))

    def _add(self, subscription: Subscription[Told], job: Job) -> None:
        self._subscriptions.add(subscription)
        if job.id not in self._batches and _is_told_with_files(job):
            self._batches[job.id] = Retelling(partial(self._retell, job))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    def _remove(self, subscription: Subscription[Told]) -> None:
        self._subscriptions.remove(subscription)
        if subscription.topic not in self._subscriptions and subscription.topic in self._batches:
            self._batches.pop(subscription.topic).close()
        if self._looking is not None and not self._subscriptions.counts():
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            watched = list(self._subscriptions.counts())
            try:
                gone = await self._feed.read(partial(self._feed.watching.gone, watched))
            except QuarryError as error:
                _log.warning("whether watched jobs are still there cannot be read", reason=error.message)
                continue
            for id in gone:
                self._subscriptions.tell(id, events.deleted(id))


def _is_told_with_files(job: Job) -> bool:
    return 0 < job.children <= MOST_FILES
