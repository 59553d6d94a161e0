"""What sockets hear of the channels that they follow: what happens from now on, and what happened before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence

from imagequarry.domain.job import WatchedEvent
from imagequarry.errors import StorageFailure
from imagequarry.surfaces.context.sockets import messages
from imagequarry.surfaces.context.sockets.channels import JOBS, channels_of, family_of, task_of
from imagequarry.surfaces.watching.feed import Feed, is_progress, without_stale_progress
from imagequarry.surfaces.watching.subscriptions import Subscription, Subscriptions

Message = tuple[str, Hashable]
"""A text, and the key under which a newer one replaces it, or None."""

_MOST_OF_THE_PAST = 1000


class Following:
    """Writes events as messages, once for all sockets. ``processing`` are the kinds of jobs of that channel."""

    def __init__(self, feed: Feed, processing: Collection[str]) -> None:
        self._feed = feed
        self._processing = frozenset(processing)
        self._subscriptions: Subscriptions[Message] = Subscriptions()
        feed.tell(self._hear)

    async def join(self) -> None:
        """Count a socket in; when this returns, what happens from now on will be told. ``leave`` must follow."""
        await self._feed.join()

    def leave(self) -> None:
        """Count a socket out."""
        self._feed.leave()

    def follow(self, subscription: Subscription[Message]) -> None:
        self._subscriptions.add(subscription)

    def unfollow(self, subscription: Subscription[Message]) -> None:
        self._subscriptions.remove(subscription)

    def counts(self) -> dict[str, int]:
        """How many subscriptions there are, those of single tasks together; may be asked from any thread."""
        counts: Counter[str] = Counter()
        for channel, count in self._subscriptions.counts().items():
            counts[family_of(channel)] += count
        return dict(counts)

    async def past(self, channel: str, since: int | None, most: int) -> list[Message]:
        """What happened on the channel before now and after ``since``: the newest, and as messages.

        Without ``since`` it is the last event of a task, which tells where it stands, and nothing of other channels.
        Raises JobNotFound for a task that is not there, StorageFailure.
        """
        position = self._feed.position  # taken before anything is awaited: all that comes later is delivered
        if position is None:
            raise StorageFailure
        watching = self._feed.watching
        task_id = task_of(channel)
        if task_id is not None:
            newest = 1 if since is None else _MOST_OF_THE_PAST
            found = await self._feed.read(lambda: watching.past_of_job(task_id, position, since or 0, newest))
        elif since is None:
            return []
        else:
            kinds = None if channel == JOBS else self._processing
            found = await self._feed.read(lambda: watching.past(position, since, _MOST_OF_THE_PAST, kinds))
        return [_message(channel, watched) for watched in without_stale_progress(found)[-most:]]

    def _hear(self, events: Sequence[WatchedEvent]) -> None:
        for watched in events:
            for channel in channels_of(watched, self._processing):
                if channel in self._subscriptions:
                    self._subscriptions.tell(channel, _message(channel, watched))


def _message(channel: str, watched: WatchedEvent) -> Message:
    replaces = (channel, watched.event.job_id) if is_progress(watched.event) else None
    return messages.update(channel, watched), replaces
