"""The byte-bounded cache: what it keeps, what it drops, and that many callers cause one computation."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from imagequarry.errors import Cancelled
from imagequarry.models.cache import ByteCache

CALLERS = 50


@dataclass(frozen=True)
class Value:
    """Something that says how large it is."""

    nbytes: int
    name: str = ""


class Once:
    """Computes a value of one byte and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Value:
        self.times += 1
        return Value(1)


def fill(cache: ByteCache[str, Value], *keys: str, size: int = 10) -> None:
    for key in keys:
        cache.get(key, lambda: Value(size))


def is_kept(cache: ByteCache[str, Value], key: str) -> bool:
    """Whether asking for the key computes nothing."""
    compute = Once()
    cache.get(key, compute)
    return compute.times == 0


def test_a_value_is_computed_once_and_then_kept() -> None:
    cache = ByteCache[str, Value](100)
    compute = Once()
    assert cache.get("a", compute) is cache.get("a", compute)
    assert compute.times == 1
    assert cache.figures().hits == 1
    assert cache.figures().misses == 1


def test_the_least_recently_used_value_goes_first() -> None:
    cache = ByteCache[str, Value](30)
    fill(cache, "a", "b", "c")
    cache.get("a", lambda: Value(10))
    fill(cache, "d")
    assert is_kept(cache, "a")
    assert is_kept(cache, "c")
    assert is_kept(cache, "d")
    assert not is_kept(cache, "b")


def test_the_bound_is_in_bytes_and_is_never_passed() -> None:
    cache = ByteCache[str, Value](100)
    for number in range(50):
        cache.get(str(number), lambda number=number: Value(number))  # type: ignore[misc]
        assert cache.figures().bytes <= 100
    assert cache.figures().bytes == 49 + 48
    assert cache.figures().entries == 2
    assert cache.figures().evictions == 48


def test_a_value_of_exactly_the_bound_is_kept() -> None:
    cache = ByteCache[str, Value](100)
    fill(cache, "a", size=100)
    assert is_kept(cache, "a")


def test_a_value_larger_than_the_bound_is_handed_out_and_displaces_nothing() -> None:
    cache = ByteCache[str, Value](100)
    fill(cache, "small")
    assert cache.get("large", lambda: Value(101)).nbytes == 101
    assert cache.figures().bytes == 10
    assert is_kept(cache, "small")
    assert not is_kept(cache, "large")


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = ByteCache[str, Value](0)
    fill(cache, "a", "a", "a")
    assert cache.figures().misses == 3


def test_fifty_simultaneous_callers_cause_one_computation() -> None:
    cache = ByteCache[str, Value](100)
    release, started = threading.Event(), threading.Event()
    computed = []

    def slow() -> Value:
        computed.append(threading.get_ident())
        started.set()
        assert release.wait(10)
        return Value(1)

    with ThreadPoolExecutor(CALLERS) as threads:
        first = threads.submit(cache.get, "a", slow)
        assert started.wait(10)
        others = [threads.submit(cache.get, "a", slow) for _ in range(CALLERS - 1)]
        while cache.figures().hits < CALLERS - 1:
            time.sleep(0.001)
        release.set()
        values = {id(future.result(10)) for future in (first, *others)}
    assert len(computed) == 1
    assert len(values) == 1
    assert cache.figures().misses == 1


def test_a_slow_computation_delays_nobody_who_wants_another_key() -> None:
    cache = ByteCache[str, Value](100)
    release, started = threading.Event(), threading.Event()

    def slow() -> Value:
        started.set()
        assert release.wait(10)
        return Value(1)

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(cache.get, "slow", slow)
        assert started.wait(10)
        assert cache.get("quick", lambda: Value(2)).nbytes == 2
        release.set()
        assert future.result(10).nbytes == 1


def test_all_who_waited_for_a_failed_computation_get_its_error_and_the_next_caller_computes_anew() -> None:
    cache = ByteCache[str, Value](100)
    release, started = threading.Event(), threading.Event()

    def fails() -> Value:
        started.set()
        assert release.wait(10)
        raise ArithmeticError("no")

    with ThreadPoolExecutor(10) as threads:
        first = threads.submit(cache.get, "a", fails)
        assert started.wait(10)
        others = [threads.submit(cache.get, "a", fails) for _ in range(9)]
        while cache.figures().hits < 9:
            time.sleep(0.001)
        release.set()
        for future in (first, *others):
            with pytest.raises(ArithmeticError):
                future.result(10)
    assert cache.figures().entries == 0
    assert cache.get("a", lambda: Value(3)).nbytes == 3
    assert is_kept(cache, "a")


def test_when_the_one_who_computes_is_cancelled_another_who_waits_takes_over() -> None:
    cache = ByteCache[str, Value](100)
    release, started = threading.Event(), threading.Event()

    def cancelled() -> Value:
        started.set()
        assert release.wait(10)
        raise Cancelled

    with ThreadPoolExecutor(10) as threads:
        first = threads.submit(cache.get, "a", cancelled)
        assert started.wait(10)
        compute = Once()
        others = [threads.submit(cache.get, "a", compute) for _ in range(9)]
        while cache.figures().hits < 9:
            time.sleep(0.001)
        release.set()
        with pytest.raises(Cancelled):
            first.result(10)
        assert {future.result(10) for future in others} == {Value(1)}
    assert compute.times == 1


def test_a_peek_computes_nothing_and_keeps_what_it_saw_young() -> None:
    cache = ByteCache[str, Value](30)
    assert cache.peek("a") is None
    fill(cache, "a", "b", "c")
    assert cache.peek("a") == Value(10)
    fill(cache, "d")
    assert cache.peek("a") == Value(10)
    assert cache.peek("b") is None


def test_what_is_unwanted_is_forgotten_and_its_bytes_are_free() -> None:
    cache = ByteCache[str, Value](30)
    fill(cache, "a1", "a2", "b1")
    cache.forget(lambda key: key.startswith("a"))
    assert cache.figures().bytes == 10
    assert is_kept(cache, "b1")
    assert not is_kept(cache, "a1")
