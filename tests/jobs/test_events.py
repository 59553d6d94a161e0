"""Watchers: those who come late, come again, are slow, sit in another process, or fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagequarry.domain.job import JobEvent, JobLimits, JobOrder
from imagequarry.errors import JobNotFound
from imagequarry.jobs.bells import Bell, RedisBell
from imagequarry.jobs.events import Events
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from tests.fixtures.redis import RedisServer


class Stage:
    """One job that a test drives by hand, and its stream."""

    def __init__(self, database: Database, bell: Bell) -> None:
        journal = Journal(database, bell.ring)
        self.ledger = Ledger(journal)
        self.events = Events(self.ledger, bell)
        self._claims = Claims(journal)
        self.id = self.ledger.add(JobOrder("x", {}), JobLimits())[0].id
        taken = self._claims.take("w")
        assert taken is not None
        self._claim = taken.claim

    def step(self, number: int) -> None:
        self._claims.progress(self._claim, number / 100, f"step {number}")

    def finish(self) -> None:
        self._claims.complete(self._claim, None)


@pytest.fixture
def stage(database: Database) -> Stage:
    return Stage(database, Bell())


def messages(events: list[JobEvent]) -> list[str]:
    return [event.data["message"] for event in events if event.type == "progress"]


def test_a_watcher_that_comes_late_sees_everything(stage: Stage) -> None:
    for number in range(5):
        stage.step(number)
    stage.finish()
    seen = list(stage.events.follow(stage.id))
    assert [event.type for event in seen] == ["queued", "started", *["progress"] * 5, "completed"]
    assert [event.seq for event in seen] == sorted({event.seq for event in seen})
    assert list(stage.events.follow(stage.id, seen[-1].seq)) == []


def test_a_watcher_that_is_cut_off_goes_on_where_it_was(stage: Stage) -> None:
    first: list[JobEvent] = []
    stream = stage.events.follow(stage.id)
    for number in range(3):
        stage.step(number)
        while not messages(first) or messages(first)[-1] != f"step {number}":
            first.append(next(stream))
    stream.close()  # type: ignore[attr-defined]
    for number in range(3, 6):
        stage.step(number)
    stage.finish()
    rest = list(stage.events.follow(stage.id, first[-1].seq))
    assert messages(first + rest) == [f"step {number}" for number in range(6)]


def test_every_one_of_many_watchers_sees_every_event_once(stage: Stage) -> None:
    def watch(_: int) -> list[str]:
        return messages(list(stage.events.follow(stage.id)))

    with ThreadPoolExecutor(8) as pool:
        watching = pool.map(watch, range(8))
        for number in range(40):
            stage.step(number)
        stage.finish()
        assert list(watching) == [[f"step {number}" for number in range(40)]] * 8


def test_a_watcher_is_told_at_once(stage: Stage) -> None:
    arrived: list[float] = []

    def watch() -> None:
        for _ in stage.events.follow(stage.id):
            arrived.append(time.monotonic())

    thread = threading.Thread(target=watch)
    thread.start()
    delays = []
    for number in range(9):
        time.sleep(0.1)
        before = len(arrived)
        told = time.monotonic()
        stage.step(number)
        while len(arrived) == before:
            time.sleep(0.001)
        delays.append(arrived[-1] - told)
    stage.finish()
    thread.join()
    assert sorted(delays)[4] < 0.15  # who only looked from time to time would need 0.25 s


def test_a_slow_watcher_and_one_that_fails_hold_up_nobody(stage: Stage) -> None:
    slow = stage.events.follow(stage.id)
    next(slow)

    def fail() -> None:
        raise RuntimeError("gone")

    with stage.events.listening(stage.id, fail):
        began = time.monotonic()
        for number in range(100):
            stage.step(number)
        stage.finish()
        assert time.monotonic() - began < 10
    assert len(list(stage.events.follow(stage.id))) == 103
    assert len(list(slow)) == 102


def test_the_stream_of_a_job_that_is_deleted_ends_with_that(stage: Stage) -> None:
    stream = stage.events.follow(stage.id)
    next(stream), next(stream)
    stage.ledger.remove(stage.id)
    with pytest.raises(JobNotFound):
        next(stream)


def test_a_stream_ends_when_the_server_does(stage: Stage) -> None:
    closing = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(lambda: list(stage.events.follow(stage.id, closing=closing)))
        time.sleep(0.2)
        closing.set()
        assert len(watching.result(2)) == 2


@pytest.fixture
def bells(redis_server: RedisServer) -> Iterator[tuple[RedisBell, RedisBell]]:
    """The bells of two processes that share a Redis."""
    pair = RedisBell(redis_server.url), RedisBell(redis_server.url)
    time.sleep(0.3)
    yield pair
    for bell in pair:
        bell.close()


def test_a_bell_rings_in_the_other_process(bells: tuple[RedisBell, RedisBell], redis_server: RedisServer) -> None:
    heard = threading.Event()
    with bells[1].listening("a", heard.set):
        bells[0].ring("b")
        assert not heard.wait(0.3)
        bells[0].ring("a")
        assert heard.wait(2)
        heard.clear()
        redis_server.kill()
        bells[0].ring("a")
        redis_server.start()
        end = time.monotonic() + 60
        while not heard.wait(0.5):
            bells[0].ring("a")
            assert time.monotonic() < end, "the bell stayed mute"


@pytest.mark.alone
def test_a_stream_needs_no_bell(sqlite_database: Database, redis_server: RedisServer) -> None:
    redis_server.kill()
    bell = RedisBell(redis_server.url)
    stage = Stage(sqlite_database, bell)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(lambda: list(Events(stage.ledger, Bell()).follow(stage.id)))
        for number in range(20):
            stage.step(number)
        stage.finish()
        assert len(watching.result(10)) == 23
    assert time.monotonic() - began < 5
    bell.close()
    redis_server.start()
