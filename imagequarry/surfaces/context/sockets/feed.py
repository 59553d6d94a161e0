"""Job events for all sockets of the process: one reader, started with the first socket and ended with the last."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence

from anyio import CapacityLimiter, to_thread

from imagequarry.domain.job import WatchedEvent
from imagequarry.errors import StorageFailure
from imagequarry.jobs.watching import News, Position, Reader, Watching
from imagequarry.ops.logs import logger
from imagequarry.surfaces.context.sockets import messages
from imagequarry.surfaces.context.sockets.channels import JOBS, channels_of, family_of, task_of

_log = logger(__name__)

Deliver = Callable[[str, Hashable], None]
"""Takes a message, and the key under which a newer one replaces it, or None."""

_FIRST_LOOK_SECONDS = 5.0
_MOST_OF_THE_PAST = 1000
_THREADS = 4


class Subscription:
    """One socket's wish to hear of a channel. ``hold`` keeps what comes until ``release``."""

    def __init__(self, channel: str, deliver: Deliver) -> None:
        self.channel = channel
        self._deliver = deliver
        self._held: list[tuple[str, Hashable]] | None = None

    def take(self, text: str, replaces: Hashable) -> None:
        if self._held is None:
            self._deliver(text, replaces)
        else:
            self._held.append((text, replaces))

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for text, replaces in held:
            self._deliver(text, replaces)


class Feed:
    """Brings events to subscriptions. Belongs to one event loop; ``processing`` are the kinds of that channel."""

    def __init__(self, watching: Watching, processing: Collection[str]) -> None:
        self._watching = watching
        self._processing = frozenset(processing)
        self._subscriptions: defaultdict[str, list[Subscription]] = defaultdict(list)
        self._threads = CapacityLimiter(_THREADS)
        self._sockets = 0
        self._reader: Reader | None = None
        self._position: Position | None = None
        self._began = asyncio.Event()

    async def join(self) -> None:
        """Count a socket in; when this returns, what happens from now on will be told. ``leave`` must follow."""
        self._sockets += 1
        if self._reader is None:
            self._begin()
        try:
            async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                await self._began.wait()
        except TimeoutError:
            # The reader goes on trying; nothing happens to jobs while the database is away.
            _log.warning("the events of jobs cannot be read yet")

    def leave(self) -> None:
        """Count a socket out."""
        self._sockets -= 1
        if self._sockets == 0 and self._reader is not None:
            self._reader.end()
            self._reader, self._position = None, None
            self._began.clear()

    def close(self, wait_seconds: float) -> None:
        """End the reader, and wait for it, before the database is closed."""
        if self._reader is not None:
            self._reader.end(wait_seconds)

    def subscribe(self, subscription: Subscription) -> None:
        self._subscriptions[subscription.channel].append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        mine = self._subscriptions[subscription.channel]
        mine.remove(subscription)
        if not mine:
            del self._subscriptions[subscription.channel]

    def counts(self) -> dict[str, int]:
        """How many subscriptions there are, those of single tasks together; may be asked from any thread."""
        counts: Counter[str] = Counter()
        for channel, mine in tuple(self._subscriptions.items()):
            counts[family_of(channel)] += len(mine)
        return dict(counts)

    async def past(self, channel: str, since: int | None, most: int) -> list[tuple[str, Hashable]]:
        """What happened on the channel before now and after ``since``: the newest, and as messages.

        Without ``since`` it is the last event of a task, which tells where it stands, and nothing of other channels.
        Raises JobNotFound for a task that is not there, StorageFailure.
        """
        position = self._position  # taken before anything is awaited: all that comes later is delivered
        if position is None:
            raise StorageFailure
        task_id = task_of(channel)
        if task_id is not None:
            newest = 1 if since is None else _MOST_OF_THE_PAST
            found = await self._read(lambda: self._watching.past_of_job(task_id, position, since or 0, newest))
        elif since is None:
            return []
        else:
            kinds = None if channel == JOBS else self._processing
            found = await self._read(lambda: self._watching.past(position, since, _MOST_OF_THE_PAST, kinds))
        return [_message(channel, watched) for watched in without_stale_progress(found)[-most:]]

    async def _read(self, past: Callable[[], list[WatchedEvent]]) -> list[WatchedEvent]:
        # In threads of its own, so that clients who ask often take none from others; nobody waits for one who left.
        return await to_thread.run_sync(past, limiter=self._threads, abandon_on_cancel=True)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()

        def told(news: News) -> None:
            # The reader is looked up in the loop: the first news may come before it has its name here.
            loop.call_soon_threadsafe(lambda: self._arrived(reader, news))

        reader = self._reader = self._watching.begin(told)

    def _arrived(self, reader: Reader, news: News) -> None:
        if reader is not self._reader:
            return  # of a reader that was ended meanwhile
        self._position = news.position
        self._began.set()
        for watched in without_stale_progress(news.events):
            for channel in channels_of(watched, self._processing):
                if mine := self._subscriptions.get(channel):
                    text, replaces = _message(channel, watched)
                    for subscription in tuple(mine):
                        subscription.take(text, replaces)


def without_stale_progress(events: Sequence[WatchedEvent]) -> list[WatchedEvent]:
    """The events without the progress of a job that a later progress follows."""
    newest = {watched.event.job_id: watched.event.seq for watched in events if messages.is_progress(watched.event)}
    return [
        watched
        for watched in events
        if not messages.is_progress(watched.event) or newest[watched.event.job_id] == watched.event.seq
    ]


def _message(channel: str, watched: WatchedEvent) -> tuple[str, Hashable]:
    replaces = (channel, watched.event.job_id) if messages.is_progress(watched.event) else None
    return messages.update(channel, watched), replaces
