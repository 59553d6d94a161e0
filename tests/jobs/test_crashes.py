"""Servers and workers that are killed, frozen and cut off: what was accepted is done once, or ends with a reason."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from imagequarry.domain.job import Job
from imagequarry.errors import StorageFailure
from tests.fixtures.queues import Fleet, fleet, wait_for
from tests.fixtures.redis import RedisServer
from tests.jobs.server import command
from tests.jobs.trivial import Nap, diary

DEPLOYMENTS = ["thread-sqlite", "thread-postgresql", "process-sqlite", "celery-postgresql"]


@pytest.fixture
def crew(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """A fleet by its name: queue and database."""
    mode, database = request.param.split("-")
    redis: RedisServer | None = request.getfixturevalue("redis_server") if mode == "celery" else None
    with fleet(mode, request.getfixturevalue(f"{database}_url"), redis) as made:
        yield made


def completions(crew: Fleet, job: Job) -> int:
    return [event.type for event in crew.board.events_after(job.id)].count("completed")


@pytest.mark.parametrize("crew", DEPLOYMENTS, indirect=True)
def test_every_accepted_job_is_done_once_although_everything_is_killed_twice(crew: Fleet, tmp_path: Path) -> None:
    jobs = [crew.board.submit("nap", Nap(str(n), 0.6, 6, str(tmp_path))) for n in range(8)]
    for lines in (2, 6):
        crew.start()
        wait_for(tmp_path, lines)
        time.sleep(0.2)
        crew.kill()
        if crew.redis is not None:
            crew.redis.client().flushall()
    crew.start()
    ended = crew.ended(jobs)
    assert [job.state for job in ended] == ["completed"] * 8
    assert [completions(crew, job) for job in jobs] == [1] * 8
    results = [crew.board.result(job.id) for job in jobs]
    assert results == [{"name": str(n), "attempt": job.attempt} for n, job in enumerate(ended)]
    started = Counter(line.split()[0] for line in diary(tmp_path) if line.endswith("started"))
    assert all(started[str(n)] <= job.attempt for n, job in enumerate(ended))
    assert max(job.attempt for job in ended) >= 2  # or nothing was killed in the middle


@pytest.mark.parametrize("crew", ["process-sqlite", "celery-postgresql"], indirect=True)
def test_a_job_that_kills_its_worker_fails_after_its_tries_and_the_others_go_on(crew: Fleet, tmp_path: Path) -> None:
    crew.start()
    poison = crew.board.submit("poison", Nap("poison", folder=str(tmp_path)))
    others = [crew.board.submit("nap", Nap(str(n))) for n in range(4)]
    assert [job.state for job in crew.ended(others)] == ["completed"] * 4
    (job,) = crew.ended([poison])
    assert job.error is not None
    assert (job.state, job.error.code, job.attempt) == ("failed", "WORKER_LOST", 3)
    assert "3 times" in job.error.message
    assert diary(tmp_path) == ["poison started"] * 3


@pytest.mark.parametrize("crew", ["thread-sqlite", "thread-postgresql"], indirect=True)
def test_three_processes_do_hundreds_of_jobs_once_each(crew: Fleet, tmp_path: Path) -> None:
    jobs = [crew.board.submit("nap", Nap(str(n), folder=str(tmp_path))) for n in range(300)]
    crew.start(3)
    assert {(job.state, job.attempt) for job in crew.ended(jobs)} == {("completed", 1)}
    assert sorted(diary(tmp_path)) == sorted(f"{n} {word}" for n in range(300) for word in ("started", "ended"))


@pytest.mark.parametrize("crew", ["process-sqlite"], indirect=True)
def test_no_child_outlives_its_server(crew: Fleet) -> None:
    # Whoever is left holds the writing end of this pipe open.
    server = subprocess.Popen(command("server", crew.url, **crew.given), stderr=subprocess.PIPE)
    job = crew.running(crew.board.submit("nap", Nap("0", 60, 600)))
    assert job.worker is not None
    assert int(job.worker.split(":")[1]) != server.pid
    server.kill()
    began = time.monotonic()
    server.communicate()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("crew", ["thread-sqlite"], indirect=True)
def test_a_worker_killed_while_it_waits_for_something_remote_resumes_it(crew: Fleet, tmp_path: Path) -> None:
    crew.start()
    job = crew.board.submit("resume", Nap("tripo", 1.5, 10, str(tmp_path)))
    wait_for(tmp_path, 2)
    time.sleep(0.3)
    crew.kill()
    crew.start()
    assert crew.ended([job])[0].attempt == 2
    assert crew.board.result(job.id) == {"checkpoint": {"order": "tripo"}}
    assert diary(tmp_path) == ["tripo ordered", "tripo waited", "tripo waited"]


@pytest.mark.parametrize("crew", ["thread-postgresql"], indirect=True)
def test_the_late_result_of_a_worker_that_was_frozen_is_dropped(crew: Fleet, tmp_path: Path) -> None:
    crew.start()
    frozen = crew.processes[0]
    job = crew.board.submit("deaf", Nap("slow", 1.5, folder=str(tmp_path)))
    wait_for(tmp_path, 1)
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        crew.start()
        (ended,) = crew.ended([job])
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    wait_for(tmp_path, 4)
    time.sleep(1)
    assert crew.board.get(job.id) == ended
    assert crew.board.result(job.id) == {"name": "slow", "attempt": 2}
    assert completions(crew, job) == 1


@pytest.mark.parametrize("crew", ["celery-postgresql"], indirect=True)
def test_jobs_wait_for_a_redis_that_is_away_and_go_on(crew: Fleet, tmp_path: Path) -> None:
    assert crew.redis is not None
    crew.start()
    before = crew.board.submit("nap", Nap("before", 2, 20))
    crew.running(before)
    crew.redis.kill()
    began = time.monotonic()
    during = crew.board.submit("nap", Nap("during"))
    assert time.monotonic() - began < 2
    assert crew.ended([before])[0].state == "completed"
    crew.redis.start()
    assert crew.ended([during])[0].state == "completed"


@pytest.mark.parametrize("crew", ["thread-sqlite"], indirect=True)
def test_jobs_wait_for_a_database_that_is_locked_for_long_and_go_on(crew: Fleet, tmp_path: Path) -> None:
    crew.start()
    jobs = [crew.board.submit("nap", Nap(str(n), 1.0, 10, str(tmp_path))) for n in range(4)]
    wait_for(tmp_path, 2)
    lock = sqlite3.connect(crew.url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    time.sleep(5)  # longer than the servers wait for the lock, and than the lease
    lock.close()
    assert [job.state for job in crew.ended(jobs)] == ["completed"] * 4
    assert [completions(crew, job) for job in jobs] == [1] * 4


@pytest.fixture
def separate_url(postgresql_server: str) -> Iterator[str]:
    """The address of a PostgreSQL database that can be taken away without taking others along."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE away")
        yield make_url(postgresql_server).set(database="away").render_as_string(hide_password=False)
        connection.execute("DROP DATABASE away WITH (FORCE)")


def test_jobs_wait_for_a_database_that_is_away_and_go_on(
    separate_url: str, postgresql_server: str, tmp_path: Path
) -> None:
    with fleet("thread", separate_url) as crew, psycopg.connect(postgresql_server, autocommit=True) as connection:
        crew.start()
        jobs = [crew.board.submit("nap", Nap(str(n), 1.0, 10, str(tmp_path))) for n in range(4)]
        wait_for(tmp_path, 2)
        connection.execute("ALTER DATABASE away ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'")
        with pytest.raises(StorageFailure):
            crew.board.submit("nap", Nap())
        time.sleep(4)  # longer than the lease
        connection.execute("ALTER DATABASE away ALLOW_CONNECTIONS true")
        assert [job.state for job in crew.ended(jobs)] == ["completed"] * 4
        assert [completions(crew, job) for job in jobs] == [1] * 4
        # What was under way when it went was neither lost nor done again.
        assert sorted(diary(tmp_path)) == sorted(f"{n} {word}" for n in range(4) for word in ("started", "ended"))
