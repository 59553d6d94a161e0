"""What a job does is the same through every queue: threads, child processes, and Celery over a real Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagequarry.domain.job import Job, JobLimits
from imagequarry.jobs.board import Wish
from tests.fixtures.queues import Fleet, fleet, wait_for
from tests.fixtures.redis import RedisServer, free_port
from tests.jobs.trivial import Nap, diary


@pytest.fixture(scope="module", params=["thread", "process", "celery"])
def crew(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet that works, once for each queue."""
    url = f"sqlite:///{tmp_path_factory.mktemp('jobs')}/quarry.db"
    redis = RedisServer(free_port())
    redis.start()
    with fleet(request.param, url, redis) as made:
        made.start()
        yield made
    redis.kill()


def ended(crew: Fleet, kind: str, nap: Nap | None = None, limits: JobLimits | None = None) -> Job:
    return crew.ended([crew.board.submit(kind, nap or Nap(), limits=limits)])[0]


def code(job: Job) -> str | None:
    return None if job.error is None else job.error.code


def test_a_job_is_done_and_its_events_tell_of_it_in_order(crew: Fleet) -> None:
    job = crew.board.submit("nap", Nap("one", 1.2, 4))
    events = list(crew.here.events.follow(f"task-{job.id}"))
    assert [event.type for event in events] == ["queued", "started", *["progress"] * 4, "completed"]
    assert [event.data["progress"] for event in events[2:-1]] == [0.25, 0.5, 0.75, 1.0]
    assert crew.board.result(f"task-task-{job.id}") == {"name": "one", "attempt": 1}


def test_a_job_that_fails_says_why(crew: Fleet) -> None:
    refused = ended(crew, "refuse")
    assert refused.error is not None
    assert (refused.state, refused.error.code) == ("failed", "INVALID_PICTURE")
    assert refused.error.message == "That is no picture."
    assert refused.attempt == 1


@pytest.mark.parametrize("kind", ["stumble", "leave", "no_json"])
def test_a_fault_of_the_program_ends_the_job_and_tells_nothing(crew: Fleet, kind: str) -> None:
    failed = ended(crew, kind)
    assert failed.error is not None
    assert (failed.state, failed.error.code) == ("failed", "INTERNAL")
    assert failed.error.message == "Something went wrong on the server."


def test_a_job_that_could_not_store_is_put_back(crew: Fleet) -> None:
    job = ended(crew, "full")
    assert (job.state, job.attempt) == ("completed", 2)
    assert crew.board.result(job.id) == "stored"


@pytest.mark.alone
def test_a_running_job_that_is_cancelled_stops_soon(crew: Fleet, tmp_path: Path) -> None:
    job = crew.running(crew.board.submit("nap", Nap("long", 60, 600, str(tmp_path))))
    began = time.monotonic()
    crew.board.cancel(job.id)
    (cancelled,) = crew.ended([job])
    assert time.monotonic() - began < 3
    assert (cancelled.state, code(cancelled)) == ("cancelled", "CANCELLED")
    assert diary(tmp_path) == ["long started"]


@pytest.mark.alone
def test_a_running_job_that_is_deleted_stops_too(crew: Fleet, tmp_path: Path) -> None:
    job = crew.running(crew.board.submit("nap", Nap("gone", 60, 600, str(tmp_path))))
    crew.board.delete(job.id)
    assert crew.board.page(kinds=["nap"], states=["running"]).total == 0
    # The worker has to be free again before it can do this.
    began = time.monotonic()
    crew.ended([crew.board.submit("nap", Nap(str(n), 0.5)) for n in range(2)])
    assert time.monotonic() - began < 4
    assert diary(tmp_path) == ["gone started"]


@pytest.mark.alone
def test_a_job_past_its_soft_limit_is_stopped(crew: Fleet) -> None:
    began = time.monotonic()
    job = ended(crew, "nap", Nap("slow", 60, 600), JobLimits(soft=1, hard=30))
    assert time.monotonic() - began < 5
    assert (job.state, code(job), job.attempt) == ("failed", "TIMEOUT", 1)


def test_a_job_past_its_hard_limit_fails_and_what_it_returns_late_is_dropped(crew: Fleet, tmp_path: Path) -> None:
    job = ended(crew, "deaf", Nap("deaf", 4, folder=str(tmp_path)), JobLimits(soft=1, hard=1.5))
    assert (job.state, code(job), job.attempt) == ("failed", "TIMEOUT", 1)
    wait_for(tmp_path, 2)
    time.sleep(0.5)
    assert crew.board.get(job.id) == job


def test_a_batch_goes_on_without_its_broken_picture(crew: Fleet) -> None:
    children = [Wish("refuse" if n == 3 else "nap", Nap(str(n), 0.02)) for n in range(12)]
    batch = crew.board.submit("batch", Nap("all"), children=children)
    for event in crew.here.events.follow(batch.id):
        if event.type == "progress":
            assert event.data["completed"] + event.data["failed"] <= event.data["total"] == 12
    done = crew.board.get(batch.id)
    assert (done.state, done.children_completed, done.children_failed) == ("completed", 11, 1)
    states = [child.state for child in crew.board.children(batch.id, limit=20).jobs]
    assert states == ["completed"] * 3 + ["failed"] + ["completed"] * 8


def test_a_job_that_tells_of_every_step_does_not_flood_the_ledger(crew: Fleet) -> None:
    job = ended(crew, "chatter", Nap("wordy", steps=20_000))
    events = crew.board.events_after(job.id)
    assert [event.type for event in events if event.type != "progress"] == ["queued", "started", "log", "completed"]
    assert len(events) < 25
    assert events[-2].data == {"level": "info", "message": "half way ?"}
    assert crew.board.result(job.id) == "\0"


def test_a_job_that_waits_for_its_turn_can_be_called_off(crew: Fleet, tmp_path: Path) -> None:
    busy = [crew.board.submit("nap", Nap("busy", 1.5, 15)) for _ in range(2)]
    for job in busy:
        crew.running(job)
    waiting = crew.board.submit("nap", Nap("waiting", folder=str(tmp_path)))
    assert crew.board.cancel(waiting.id).state == "cancelled"
    crew.ended(busy)
    assert diary(tmp_path) == []
    crew.board.retry(waiting.id)
    assert crew.ended([waiting])[0].state == "completed"
    assert diary(tmp_path) == ["waiting started", "waiting ended"]
