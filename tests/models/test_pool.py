"""The pool of loaded models: one load for many callers, room made by age, nothing taken from under a caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from imagequarry.errors import ModelLoadFailed, ModelUnavailable, OutOfMemory
from imagequarry.models.pool import ModelPool

CALLERS = 50


@dataclass(frozen=True, eq=False)
class Weights:
    """An engine that is nothing but heavy."""

    nbytes: int


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def use(pool: ModelPool, name: str, nbytes: int = 10) -> None:
    with pool.lease(name, lambda: Weights(nbytes)):
        pass


def failing(error: Exception) -> Callable[[], Weights]:
    def load() -> Weights:
        raise error

    return load


def test_a_model_stays_loaded_after_its_caller_is_done() -> None:
    pool = ModelPool(100)
    with pool.lease("a", lambda: Weights(10)) as first:
        pass
    with pool.lease("a", failing(AssertionError())) as second:
        assert second is first
    assert pool.loaded() == {"a": 10}


def test_fifty_callers_at_once_cause_one_load() -> None:
    pool = ModelPool(100)
    together, loads = threading.Barrier(CALLERS), []

    def load() -> Weights:
        loads.append(1)
        threading.Event().wait(0.05)
        return Weights(10)

    def lease() -> int:
        together.wait(10)
        with pool.lease("a", load) as engine:
            return id(engine)

    with ThreadPoolExecutor(CALLERS) as threads:
        engines = {future.result(10) for future in [threads.submit(lease) for _ in range(CALLERS)]}
    assert len(loads) == 1
    assert len(engines) == 1


def test_a_slow_load_delays_no_caller_of_another_model() -> None:
    pool = ModelPool(100)
    release, started = threading.Event(), threading.Event()

    def slow() -> Weights:
        started.set()
        assert release.wait(10)
        return Weights(10)

    def lease() -> None:
        with pool.lease("slow", slow):
            pass

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(lease)
        assert started.wait(10)
        use(pool, "quick")
        assert pool.loaded() == {"quick": 10}
        release.set()
        future.result(10)


def test_the_least_recently_used_model_makes_room() -> None:
    pool = ModelPool(30, clock=Clock())
    for name in ("a", "b", "c", "a", "d"):
        use(pool, name)
    assert pool.loaded() == {"c": 10, "a": 10, "d": 10}


def test_as_many_models_go_as_the_new_one_needs() -> None:
    pool = ModelPool(30, clock=Clock())
    for name in ("a", "b", "c"):
        use(pool, name)
    use(pool, "large", 20)
    assert pool.loaded() == {"c": 10, "large": 20}


def test_a_model_larger_than_the_budget_is_loaded_all_the_same() -> None:
    pool = ModelPool(30)
    use(pool, "a")
    use(pool, "huge", 99)
    assert pool.loaded() == {"huge": 99}


def test_a_leased_model_never_makes_room() -> None:
    pool = ModelPool(20, clock=Clock())
    with ExitStack() as leases:
        held = [leases.enter_context(pool.lease(name, lambda: Weights(10))) for name in ("a", "b")]
        use(pool, "c")
        assert pool.loaded() == {"a": 10, "b": 10, "c": 10}
        with pool.lease("a", failing(AssertionError())) as again:
            assert again is held[0]


def test_an_idle_model_is_unloaded_after_its_time_and_not_before() -> None:
    clock = Clock()
    pool = ModelPool(100, idle_seconds=60, clock=clock)
    use(pool, "old")
    clock.now += 40
    use(pool, "young")
    assert pool.sweep() == []
    clock.now += 30
    assert pool.sweep() == ["old"]
    assert pool.loaded() == {"young": 10}


def test_a_leased_model_is_not_idle_however_long_it_takes() -> None:
    clock = Clock()
    pool = ModelPool(100, idle_seconds=60, clock=clock)
    with pool.lease("a", lambda: Weights(10)):
        clock.now += 1000
        assert pool.sweep() == []
    # The time counts from the end of the lease.
    assert pool.sweep() == []
    clock.now += 61
    assert pool.sweep() == ["a"]


def test_no_idle_time_means_that_models_stay() -> None:
    clock = Clock()
    pool = ModelPool(100, idle_seconds=0, clock=clock)
    use(pool, "a")
    clock.now += 10**9
    assert pool.sweep() == []


def test_unloading_an_idle_model_takes_effect_at_once() -> None:
    pool = ModelPool(100)
    use(pool, "a")
    assert pool.unload("a") is True
    assert pool.loaded() == {}
    assert pool.unload("a") is False


def test_unloading_under_a_caller_waits_until_the_caller_is_done() -> None:
    pool = ModelPool(100)
    with pool.lease("a", lambda: Weights(10)):
        assert pool.unload("a") is True
        assert pool.loaded() == {"a": 10}
    assert pool.loaded() == {}


def test_a_caller_who_comes_after_the_unloading_keeps_the_model() -> None:
    pool = ModelPool(100)
    with pool.lease("a", lambda: Weights(10)) as first:
        pool.unload("a")
        with pool.lease("a", failing(AssertionError())) as second:
            assert second is first
    assert pool.loaded() == {"a": 10}


def test_a_failed_load_is_tried_anew_and_leaves_nothing_behind() -> None:
    pool = ModelPool(100)
    with pytest.raises(ModelLoadFailed), pool.lease("a", failing(RuntimeError("/secret/path is broken"))):
        pass
    assert pool.loaded() == {}
    use(pool, "a")
    assert pool.loaded() == {"a": 10}


def test_the_library_s_own_words_do_not_reach_the_message() -> None:
    with pytest.raises(ModelLoadFailed) as refusal, ModelPool(1).lease("a", failing(RuntimeError("/secret/path"))):
        pass
    assert "secret" not in refusal.value.message
    assert isinstance(refusal.value.__cause__, RuntimeError)


def test_our_own_errors_pass_as_they_are() -> None:
    with pytest.raises(ModelUnavailable, match="Get it"), ModelPool(1).lease("a", failing(ModelUnavailable("Get it"))):
        pass


def test_too_little_memory_is_said_so() -> None:
    with pytest.raises(OutOfMemory, match="not enough memory"), ModelPool(1).lease("a", failing(MemoryError())):
        pass


def test_an_error_inside_the_lease_gives_the_model_back() -> None:
    pool = ModelPool(100)
    with pytest.raises(ZeroDivisionError), pool.lease("a", lambda: Weights(10)):
        raise ZeroDivisionError
    assert pool.unload("a") is True
    assert pool.loaded() == {}


def test_many_threads_over_few_models_never_meet_a_model_that_is_gone() -> None:
    pool = ModelPool(20)

    def work(seed: int) -> None:
        for step in range(40):
            name = f"model {(seed + step) % 4}"
            with pool.lease(name, lambda: Weights(10)) as engine:
                assert engine.nbytes == 10
                assert name in pool.loaded()
                if step == 5 * seed:
                    pool.unload(name)

    with ThreadPoolExecutor(8) as threads:
        for future in [threads.submit(work, seed) for seed in range(8)]:
            future.result(30)
    assert sum(pool.loaded().values()) <= 40


def test_memory_is_given_back_when_models_went_and_not_otherwise() -> None:
    given: list[set[str]] = []
    clock = Clock()
    pool = ModelPool(30, idle_seconds=60, clock=clock, give_back=lambda: given.append(set(pool.loaded())))
    use(pool, "a")
    pool.sweep()
    assert given == []
    pool.unload("a")
    assert given == [set()]
    # One that goes with its last caller is still in that caller's hand.
    with pool.lease("b", lambda: Weights(10)):
        pool.unload("b")
    pool.sweep()
    assert given == [set(), set()]
    # One that made room for another.
    use(pool, "c", 20)
    use(pool, "d", 20)
    pool.sweep()
    assert given == [set(), set(), {"d"}]
    clock.now += 100
    pool.sweep()
    pool.sweep()
    assert given == [set(), set(), {"d"}, set()]
