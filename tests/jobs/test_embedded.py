"""Workers in this process and below it: what they do when they stop, and with code that never returns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagequarry.domain.job import Job, JobLimits
from imagequarry.jobs.machinery import Machinery, machinery
from imagequarry.stores.database import Database
from tests.jobs.server import command, settings
from tests.jobs.trivial import KINDS, Nap, diary


@pytest.fixture
def started(sqlite_database: Database) -> Iterator[Machinery]:
    """Everything a server has, with two threads that work."""
    made = machinery(sqlite_database, KINDS, None, settings(workers=2))
    made.start()
    yield made
    made.close()


def until(started: Machinery, job: Job, *states: str, seconds: float = 60) -> Job:
    end = time.monotonic() + seconds
    while (now := started.board.get(job.id)).state not in states:
        assert time.monotonic() < end, now
        time.sleep(0.02)
    return now


def test_a_job_starts_at_once(started: Machinery) -> None:
    waits = []
    for _ in range(20):
        job = started.board.submit("nap", Nap())
        done = until(started, job, "completed")
        assert done.started is not None
        waits.append((done.started - done.created).total_seconds())
    assert sorted(waits)[10] < 0.2  # a worker that only looked for itself would need half a second


@pytest.mark.alone
def test_a_server_that_stops_puts_its_jobs_back_for_the_next(sqlite_database: Database, tmp_path: Path) -> None:
    first = machinery(sqlite_database, KINDS, None, settings(workers=1))
    first.start()
    job = until(first, first.board.submit("nap", Nap("n", 60, 600, str(tmp_path))), "running")
    began = time.monotonic()
    first.close()
    assert time.monotonic() - began < 3
    back = first.board.get(job.id)
    assert (back.state, back.attempt, back.limits.max_attempts) == ("queued", 1, 4)
    assert diary(tmp_path) == ["n started"]


def test_a_thread_that_never_returns_is_counted_as_stuck(started: Machinery) -> None:
    job = started.board.submit("deaf", Nap("deaf", 3.5), limits=JobLimits(0.5, 0.5))
    until(started, job, "failed")
    end = time.monotonic() + 3
    while started.board.health()["stuck"] == 0:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert started.board.health() == {"failed": 1, "workers": 2, "stuck": 1}


@pytest.fixture
def supervised(sqlite_database: Database, sqlite_url: str) -> Iterator[Machinery]:
    """A server with one child, which it gives a second to stop."""
    given = replace(settings(isolation="process", grace_seconds=1.0), child_command=command("child", sqlite_url))
    made = machinery(sqlite_database, KINDS, None, given)
    made.start()
    yield made
    made.close()


@pytest.mark.parametrize("why", ["limit", "cancel"])
def test_a_child_that_never_returns_is_killed_and_replaced(supervised: Machinery, tmp_path: Path, why: str) -> None:
    nap, limits = Nap("deaf", 60, folder=str(tmp_path)), JobLimits(1, 1) if why == "limit" else None
    job = until(supervised, supervised.board.submit("deaf", nap, limits=limits), "running")
    if why == "cancel":
        supervised.board.cancel(job.id)
    next_one = supervised.board.submit("nap", Nap("next"))
    stopped = until(supervised, job, "failed", "cancelled")
    assert stopped.error is not None
    assert stopped.error.code == ("TIMEOUT" if why == "limit" else "CANCELLED")
    done = until(supervised, next_one, "completed")
    assert done.attempt == 1
    assert diary(tmp_path) == ["deaf started"]


def test_a_supervisor_that_stops_puts_the_job_of_its_child_back(sqlite_database: Database, sqlite_url: str) -> None:
    given = replace(settings(isolation="process"), child_command=command("child", sqlite_url))
    made = machinery(sqlite_database, KINDS, None, given)
    made.start()
    job = until(made, made.board.submit("deaf", Nap("deaf", 60)), "running")
    made.close()
    assert made.board.get(job.id).state == "queued"


def test_a_command_that_cannot_be_started_harms_nothing_else(sqlite_database: Database) -> None:
    given = replace(settings(isolation="process"), child_command=["/nowhere/at/all"])
    made = machinery(sqlite_database, KINDS, None, given)
    made.start()
    job = made.board.submit("nap", Nap())
    time.sleep(0.3)
    assert made.board.get(job.id).state == "queued"
    made.close()
