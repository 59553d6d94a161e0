"""Search while somebody types: one search at a time for each socket, and then only the newest wish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread

from imagequarry.errors import QuarryError
from imagequarry.ops.logs import logger
from imagequarry.surfaces.context.sockets import messages
from imagequarry.surfaces.context.sockets.messages import SearchWish
from imagequarry.surfaces.surface import Unexpected

_log = logger(__name__)


class Search(Protocol):
    """Finds pictures, synchronously; its results are JSON objects."""

    def __call__(
        self, *, query: str, limit: int, objects: Sequence[str], min_score: float | None
    ) -> list[dict[str, Any]]:
        """The best ``limit`` (1..100) results. Raises QuarryError."""
        ...


class LiveSearch:
    """One socket's searches. Every wish gets one answer through ``reply``: results, an error, or that it was dropped.

    ``threads`` is shared by all sockets, so that typing does not take the threads of other requests.
    """

    def __init__(self, search: Search, threads: CapacityLimiter, reply: Callable[[str], None]) -> None:
        self._search = search
        self._threads = threads
        self._reply = reply
        self._newest: SearchWish | None = None
        self._waiting: SearchWish | None = None
        self._task: asyncio.Task[None] | None = None

    def wish(self, wish: SearchWish) -> None:
        """Search for this, and for nothing that was wished before."""
        if self._waiting is not None:
            self._reply(messages.dropped(self._waiting))
        self._newest = self._waiting = wish
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    def close(self) -> None:
        """Answer no more. A search that runs already cannot be stopped; its result is forgotten."""
        self._newest = None
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._waiting is not None:
                wish, self._waiting = self._waiting, None
                answer = await to_thread.run_sync(self._answer, wish, limiter=self._threads, abandon_on_cancel=True)
                self._reply(answer if wish is self._newest and answer is not None else messages.dropped(wish))
        finally:
            self._task = None

    def _answer(self, wish: SearchWish) -> str | None:
        if wish is not self._newest:  # overtaken while it waited for a thread
            return None
        started = time.perf_counter()
        try:
            results = self._search(query=wish.query, limit=wish.limit, objects=wish.objects, min_score=wish.min_score)
            return messages.found(wish, results, time.perf_counter() - started)
        except QuarryError as error:
            return messages.failed(error, request_id=wish.request_id)
        except Exception:  # noqa: BLE001 - the socket outlives it, as the server outlives a request
            _log.exception("a live search failed")
            return messages.failed(Unexpected(), request_id=wish.request_id)
