"""What waits to be sent to one client: never more than fits, and of a job's progress only the newest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable


class Outbox:
    """A queue of texts with room for so many. Belongs to one event loop."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: OrderedDict[Hashable, str] = OrderedDict()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def put(self, text: str, replaces: Hashable | None = None) -> bool:
        """Append a text, in place of one that waits under the same key; False when there is no room."""
        if replaces is not None:
            self._waiting.pop(replaces, None)
        if len(self._waiting) >= self._room:
            return False
        # Removed and appended: a newer text must not overtake what came between the two.
        self._waiting[object() if replaces is None else replaces] = text
        self._filled.set()
        self._emptied.clear()
        return True

    def put_last(self, text: str, replaces: Hashable | None = None) -> None:
        """Append a text as ``put`` does; where there is no room the oldest that waits goes."""
        while not self.put(text, replaces):
            self._waiting.popitem(last=False)

    async def next(self) -> str:
        """Take the oldest text; wait for it."""
        while not self._waiting:
            self._filled.clear()
            self._emptied.set()
            await self._filled.wait()
        _, text = self._waiting.popitem(last=False)
        return text

    def rest(self, most: int) -> list[str]:
        """Take what waits besides, so many texts at most."""
        return [self._waiting.popitem(last=False)[1] for _ in range(min(most, len(self._waiting)))]

    async def emptied(self) -> None:
        """Wait until everything was taken, and the taker came back for more."""
        await self._emptied.wait()
