"""Tells of a batch with its files: they are read for an event, once for all who watch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from imagequarry.domain.job import WatchedEvent

# A batch of more is told of in numbers only; /progress tells of any.
MOST_FILES: Final = 100
# Events that come close together are told of as one.
_PAUSE_SECONDS = 0.2


class Retelling:
    """Brings a batch's events, in order, to ``tell``, which may take its time. Belongs to one event loop."""

    def __init__(self, tell: Callable[[list[WatchedEvent]], Awaitable[None]]) -> None:
        self._tell = tell
        self._waiting: list[WatchedEvent] = []
        self._task: asyncio.Task[None] | None = None

    def hear(self, watched: WatchedEvent) -> None:
        """Tell of the event as soon as what came before it is told."""
        self._waiting.append(watched)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Tell nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._waiting:
                events, self._waiting = self._waiting, []
                await self._tell(events)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._task = None
