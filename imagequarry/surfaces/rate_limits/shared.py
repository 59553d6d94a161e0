"""The counts of all processes that share a Redis, through the library ``limits``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from imagequarry.ops.logs import logger
from imagequarry.surfaces.rate_limits.counts import Standing, Window, tightest

log = logger(__name__)

# A Redis that is as near as it should be answers within a millisecond.
_TIMEOUT_SECONDS = 0.5
# While it does not answer, one request in so many seconds finds out whether it does again.
_PAUSE_SECONDS = 5.0


class SharedCounts:
    """Counts in Redis while it answers. Says once that it does not, and once that it does again."""

    def __init__(self, url: str, windows: Sequence[Window], pause_seconds: float = _PAUSE_SECONDS) -> None:
        import redis
        from redis.asyncio import ConnectionPool

        self._faults = redis.RedisError, OSError
        self._pool = ConnectionPool.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        )
        # The pool knows the address; the one that is given here only says what kind of storage it is.
        options: dict[str, Any] = {"connection_pool": self._pool}
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="imagequarry:asked", **options)
        self._limiter = MovingWindowRateLimiter(storage)
        # The shortest window first, so that what it refuses does not count in the longer ones.
        self._windows = [(window, _item(window)) for window in sorted(windows, key=lambda window: window.seconds)]
        self._pause_seconds = pause_seconds
        self._failing = False
        self._silent_until = 0.0

    async def hit(self, caller: str) -> Standing | None:
        """Count a request where every window has room for it. None while Redis does not answer."""
        if time.monotonic() < self._silent_until:
            return None
        if self._failing:
            # This request finds out; those that come meanwhile do not wait for it.
            self._silent_until = time.monotonic() + self._pause_seconds
        try:
            standing = await self._hit(caller)
        except self._faults as error:
            self._silent_until = time.monotonic() + self._pause_seconds
            if not self._failing:
                self._failing = True
                log.warning(
                    "Redis does not answer: each process counts requests by itself", reason=type(error).__name__
                )
            return None
        if self._failing:
            self._failing = False
            self._silent_until = 0.0
            log.info("Redis answers again: requests are counted for all processes")
        return standing

    async def close(self) -> None:
        """Give the connections back."""
        await self._pool.disconnect()

    async def _hit(self, caller: str) -> Standing:
        for window, item in self._windows:
            if not await self._limiter.hit(item, caller):
                reset, _ = await self._limiter.get_window_stats(item, caller)
                return Standing(window, 0, reset, allowed=False)
        stats = await asyncio.gather(*(self._limiter.get_window_stats(item, caller) for _, item in self._windows))
        return tightest(
            [
                Standing(window, max(0, remaining), reset)
                for (window, _), (reset, remaining) in zip(self._windows, stats, strict=True)
            ]
        )


def _item(window: Window) -> RateLimitItem:
    return RateLimitItemPerSecond(window.requests, window.seconds)
