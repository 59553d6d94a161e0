"""Who computes first: clicks at once, searches one after the other and between clicks."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagequarry.domain.watch import Unwatched
from imagequarry.errors import Busy, Cancelled
from imagequarry.models.turns import Turns


class Stopped:
    """A watch whose caller has gone."""

    def progress(self, fraction: float, message: str = "") -> None:
        pass

    def check(self) -> None:
        raise Cancelled


def test_searches_go_one_after_the_other() -> None:
    turns = Turns()
    at_once = most = 0

    def search() -> None:
        nonlocal at_once, most
        with turns.search(Unwatched()):
            at_once += 1
            most = max(most, at_once)
            time.sleep(0.01)
            at_once -= 1

    with ThreadPoolExecutor(5) as threads:
        for future in [threads.submit(search) for _ in range(5)]:
            future.result(10)
    assert most == 1


def test_a_click_starts_at_once_beside_a_search() -> None:
    turns = Turns()
    with turns.search(Unwatched()), turns.click(), turns.click():
        pass


def test_a_search_gives_way_until_the_click_is_answered() -> None:
    turns = Turns()
    clicked, order = threading.Event(), []

    def search() -> None:
        with turns.search(Unwatched()) as watch:
            assert clicked.wait(10)
            watch.check()
            order.append("batch")

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(search)
        with turns.click():
            clicked.set()
            time.sleep(0.05)
            order.append("click")
        future.result(10)
    assert order == ["click", "batch"]


def test_a_search_loses_patience_with_one_who_clicks_without_pause() -> None:
    turns = Turns()
    with turns.click(), turns.search(Unwatched()) as watch:
        started = time.monotonic()
        watch.check()
        assert 0.9 < time.monotonic() - started < 10


def test_one_who_waits_for_a_turn_can_be_cancelled() -> None:
    turns = Turns()

    def wait() -> None:
        with turns.search(Stopped()):
            pass

    with ThreadPoolExecutor(1) as threads, turns.search(Unwatched()), pytest.raises(Cancelled):
        threads.submit(wait).result(10)


def test_a_search_that_fails_lets_the_next_one_begin() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.search(Unwatched()):
        raise ZeroDivisionError
    with turns.search(Unwatched()):
        pass


def test_too_many_waiting_searches_are_refused_at_once() -> None:
    turns, done = Turns(most_waiting=2), threading.Semaphore(0)
    refused: list[bool] = []

    def search() -> None:
        try:
            with turns.search(Unwatched()):
                done.acquire(timeout=10)
        except Busy:
            refused.append(True)

    threads = [threading.Thread(target=search) for _ in range(6)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for _ in threads:
        done.release()
    for thread in threads:
        thread.join(10)
    assert len(refused) == 3
    with turns.search(Unwatched()):
        pass
