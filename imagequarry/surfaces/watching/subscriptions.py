"""Who wants to hear of what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

M = TypeVar("M")


class Subscription(Generic[M]):
    """One client's wish to hear of a topic. ``hold`` keeps what comes until ``release``."""

    def __init__(self, topic: str, deliver: Callable[[M], None]) -> None:
        self.topic = topic
        self._deliver = deliver
        self._held: list[M] | None = None

    def take(self, message: M) -> None:
        if self._held is None:
            self._deliver(message)
        else:
            self._held.append(message)

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for message in held:
            self._deliver(message)


class Subscriptions(Generic[M]):
    """The wishes of all clients of a surface. Belongs to one event loop."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[str, list[Subscription[M]]] = defaultdict(list)

    def __contains__(self, topic: str) -> bool:
        return topic in self._by_topic

    def add(self, subscription: Subscription[M]) -> None:
        self._by_topic[subscription.topic].append(subscription)

    def remove(self, subscription: Subscription[M]) -> None:
        mine = self._by_topic[subscription.topic]
        mine.remove(subscription)
        if not mine:
            del self._by_topic[subscription.topic]

    def tell(self, topic: str, message: M) -> None:
        """Bring a message to all who want to hear of the topic."""
        # Who hears may leave at once.
        for subscription in tuple(self._by_topic.get(topic, ())):
            subscription.take(message)

    def counts(self) -> dict[str, int]:
        """How many there are by topic; may be asked from any thread."""
        return {topic: len(mine) for topic, mine in tuple(self._by_topic.items())}
