"""Counting alone and through Redis, which may be slow, silent, or gone for a while."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from imagequarry.surfaces.rate_limits import Limiter, SharedCounts, Window
from tests.fixtures.redis import RedisServer

WINDOWS = [Window(3, 1), Window(5, 3600)]


def run(test: Callable[[Limiter], Awaitable[None]], redis_url: str | None = None) -> None:
    async def whole() -> None:
        limiter = Limiter(WINDOWS, SharedCounts(redis_url, WINDOWS) if redis_url else None)
        try:
            await test(limiter)
        finally:
            await limiter.close()

    asyncio.run(whole())


@pytest.mark.parametrize("shared", [False, True])
def test_alone_and_through_redis_the_same_is_counted(redis_server: RedisServer, shared: bool) -> None:
    async def counted(limiter: Limiter) -> None:
        began = time.time()
        first = [await limiter.hit("x") for _ in range(4)]
        assert [(s.allowed, s.remaining, s.window) for s in first] == [
            *((True, left, WINDOWS[0]) for left in (2, 1, 0)),
            (False, 0, WINDOWS[0]),
        ]
        assert all(began + 1 <= s.reset <= time.time() + 1 for s in first)
        assert (await limiter.hit("y")).remaining == 2
        await asyncio.sleep(max(0.0, first[-1].reset - time.time() + 0.3))
        # The one that was refused counts nowhere.
        later = [await limiter.hit("x") for _ in range(3)]
        assert [(s.allowed, s.remaining, s.window) for s in later] == [
            (True, 1, WINDOWS[1]),
            (True, 0, WINDOWS[1]),
            (False, 0, WINDOWS[1]),
        ]
        assert all(abs(s.reset - began - 3600) < 2 for s in later)

    run(counted, redis_server.url if shared else None)


@pytest.mark.parametrize("shared", [False, True])
def test_of_many_requests_at_once_as_many_pass_as_may(redis_server: RedisServer, shared: bool) -> None:
    async def counted(limiter: Limiter) -> None:
        standings = await asyncio.gather(*(limiter.hit("x") for _ in range(40)))
        assert sum(standing.allowed for standing in standings) == 3

    run(counted, redis_server.url if shared else None)


def test_while_redis_is_gone_each_process_counts_on_by_itself_and_says_so_once(redis_server: RedisServer) -> None:
    windows = [Window(10, 60)]

    async def counted() -> None:
        one, other = (Limiter(windows, SharedCounts(redis_server.url, windows, pause_seconds=0.2)) for _ in range(2))
        assert [(await each.hit("x")).remaining for each in (one, other, one)] == [9, 8, 7]
        redis_server.kill()
        # Not anew, but from what this process saw itself.
        assert [(await one.hit("x")).remaining for _ in range(2)] == [7, 6]
        await asyncio.sleep(0.3)
        assert (await one.hit("x")).remaining == 5
        redis_server.start()
        await asyncio.sleep(0.3)
        assert [(await one.hit("x")).remaining for _ in range(2)] == [9, 8]
        await one.close()
        await other.close()

    with capture_logs() as said:
        asyncio.run(counted())
    assert [line["log_level"] for line in said] == ["warning", "info"]
    assert "Redis does not answer" in said[0]["event"]
    assert "Redis answers again" in said[1]["event"]
    assert redis_server.url not in str(said)


@pytest.mark.alone
def test_a_redis_that_hangs_holds_up_a_request_for_a_moment_and_the_next_not_at_all(redis_server: RedisServer) -> None:
    async def counted(limiter: Limiter) -> None:
        assert (await limiter.hit("x")).remaining == 2
        pid = int(redis_server.client().info()["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert (await limiter.hit("x")).allowed
            assert time.monotonic() - began < 2
            began = time.monotonic()
            for _ in range(20):
                await limiter.hit("y")
                limiter.look("y")
            assert time.monotonic() - began < 0.4
        finally:
            os.kill(pid, signal.SIGCONT)

    run(counted, redis_server.url)


def test_what_redis_holds_under_a_name_of_ours_may_be_anything(redis_server: RedisServer) -> None:
    async def counted(limiter: Limiter) -> None:
        await limiter.hit("x")
        names = redis_server.client().keys("*")
        for name in names:
            redis_server.client().set(name, "not a list")
        assert (await limiter.hit("x")).remaining == 1

    run(counted, redis_server.url)
