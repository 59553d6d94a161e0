"""The ledger of jobs: what each change does to a job and to its events, on both databases."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from imagequarry.domain.job import JobError, JobLimits, JobOrder, plain_id
from imagequarry.errors import Busy, Conflict, InvalidInput, JobNotFound
from imagequarry.stores.tables import job_events, jobs
from tests.stores.books import FAULT, Books


def test_a_job_goes_from_hand_to_hand(books: Books) -> None:
    added = books.add()
    assert (added.state, added.attempt, added.params, added.model) == ("queued", 0, {"n": -1}, "vit_h")
    job = books.take("host:1:2")
    assert (job.id, job.state, job.attempt, job.worker) == (added.id, "running", 1, "host:1:2")
    assert books.claims.take("other") is None
    assert books.claims.progress(job.claim, 0.5, "half")
    assert books.ledger.get(job.id).progress == 0.5
    assert books.claims.complete(job.claim, {"masks": [1, None, "\0"]})
    done = books.ledger.get(job.id)
    assert (done.state, done.progress, done.ended) == ("completed", 1.0, True)
    assert done.finished is not None
    assert books.ledger.result(job.id) == {"masks": [1, None, "\0"]}
    assert books.types(job.id) == ["queued", "started", "progress", "completed"]
    assert books.rung == [job.id] * 4


def test_the_last_jobs_of_a_model_say_how_long_it_takes(books: Books) -> None:
    assert books.ledger.durations("x", "vit_h") == []
    done = books.add()
    books.claims.complete(books.take().claim, None)
    books.add()
    books.claims.fail(books.take().claim, FAULT)
    books.add()
    known = books.ledger.get(done.id)
    assert known.started is not None
    assert known.finished is not None
    assert books.ledger.durations(done.kind, "vit_h") == [(known.finished - known.started).total_seconds()]
    assert books.ledger.durations(done.kind, "vit_b") == books.ledger.durations("other", "vit_h") == []


def test_what_nobody_knows_is_not_found(books: Books) -> None:
    for id in ("nothing", "", "x" * 999, "a\0b", "\ud800"):
        for ask in (
            books.ledger.get,
            books.ledger.result,
            books.ledger.events,
            books.ledger.cancel,
            books.ledger.remove,
            lambda id: books.ledger.retry(id, 3),
        ):
            with pytest.raises(JobNotFound):
                ask(id)


@pytest.mark.parametrize("text", ["abc", "task-abc", "task-task-abc", "task-task-task-abc"])
def test_an_id_may_be_written_with_task_before_it(text: str) -> None:
    assert plain_id(text) == "abc"


def test_a_result_asked_for_too_early_says_how_the_job_stands(books: Books) -> None:
    job = books.add()
    for state in ("queued", "running", "failed"):
        with pytest.raises(Conflict, match=r"\.$") as caught:
            books.ledger.result(job.id)
        assert caught.value.details == {"state": state}
        if state == "queued":
            taken = books.take()
        elif state == "running":
            books.claims.fail(taken.claim, FAULT)


def test_a_claim_that_was_lost_writes_nothing(books: Books) -> None:
    job = books.add()
    first = books.take("same worker")
    time.sleep(0.5)
    assert books.upkeep.reap() == [job.id]
    assert books.claims.standing(first.claim) == books.claims.renew(first.claim) == "lost"
    second = books.take("same worker")
    for write in (
        books.claims.complete(first.claim, "late"),
        books.claims.fail(first.claim, FAULT),
        books.claims.cancelled(first.claim, FAULT),
        books.claims.progress(first.claim, 0.9, "late", {"late": 1}),
        books.claims.log(first.claim, "info", "late"),
        books.claims.postpone(first.claim, 0),
        books.claims.forsake(first.claim),
    ):
        assert write is False
    now = books.ledger.get(job.id)
    assert (now.state, now.attempt, now.progress, now.checkpoint) == ("running", 2, 0.0, None)
    assert books.claims.complete(second.claim, "right")
    assert books.ledger.result(job.id) == "right"
    assert books.types(job.id) == ["queued", "started", "queued", "started", "completed"]


def test_a_lease_that_is_renewed_is_kept(books: Books) -> None:
    job = books.take() if books.add() else None
    assert job is not None
    for _ in range(4):
        time.sleep(0.2)
        assert books.claims.renew(job.claim) == "held"
        assert books.upkeep.reap() == []


def test_a_checkpoint_outlives_its_worker(books: Books) -> None:
    books.add()
    job = books.take()
    books.claims.progress(job.claim, 0.1, "ordered", {"order": 7})
    books.claims.progress(job.claim, 0.2, "waiting")
    books.claims.forsake(job.claim)
    books.upkeep.reap()
    assert books.take().checkpoint == {"order": 7}


def test_a_job_is_given_up_after_its_tries(books: Books) -> None:
    job = books.add(max_attempts=2)
    for _ in range(2):
        books.claims.forsake(books.take().claim)
        books.upkeep.reap()
    lost = books.ledger.get(job.id)
    assert lost.error == JobError("WORKER_LOST", "The worker stopped in the middle of the job; it was started 2 times.")
    assert lost.state == "failed"


def test_a_job_past_its_hard_limit_fails_and_is_not_started_again(books: Books) -> None:
    job = books.add(soft=0.1, hard=0.2)
    claim = books.take().claim
    time.sleep(0.3)
    assert books.claims.renew(claim) == "held"
    assert books.upkeep.reap() == []
    failed = books.ledger.get(job.id)
    assert failed.error is not None
    assert (failed.state, failed.error.code) == ("failed", "TIMEOUT")
    assert books.claims.renew(claim) == "lost"


def test_a_job_that_was_put_off_waits_and_need_not_count(books: Books) -> None:
    job = books.add(max_attempts=1)
    assert books.claims.postpone(books.take().claim, 0.3, counts=False)
    assert books.claims.take("w") is None
    assert books.upkeep.dispatch(9) == []
    time.sleep(0.35)
    assert books.upkeep.dispatch(9) == [job.id]
    again = books.take()
    assert (again.attempt, again.limits.max_attempts) == (2, 2)


def test_jobs_are_taken_in_their_order_and_by_name(books: Books) -> None:
    ids = [books.add().id for _ in range(3)]
    named = books.claims.take("w", ids[1])
    assert named is not None
    assert [named.id, books.take().id, books.take().id] == [ids[1], ids[0], ids[2]]
    assert books.claims.take("w", ids[1]) is None


def test_many_workers_at_once_take_every_job_once(books: Books) -> None:
    ids = [books.add().id for _ in range(60)]

    def work(worker: int) -> list[str]:
        return [job.id for job in iter(lambda: books.claims.take(f"w{worker}"), None)]

    with ThreadPoolExecutor(6) as pool:
        taken = [id for some in pool.map(work, range(6)) for id in some]
    assert sorted(taken) == sorted(ids)


def test_cancelling_ends_what_waits_and_asks_what_runs(books: Books) -> None:
    waiting = books.add()
    cancelled = books.ledger.cancel(waiting.id)
    assert cancelled.error is not None
    assert (cancelled.state, cancelled.error.code) == ("cancelled", "CANCELLED")
    with pytest.raises(Conflict):
        books.ledger.cancel(waiting.id)
    books.add()
    job = books.take()
    assert books.ledger.cancel(job.id).state == "running"
    assert books.claims.standing(job.claim) == books.claims.renew(job.claim) == "unwanted"
    books.claims.forsake(job.claim)
    assert books.upkeep.reap() == []
    assert books.ledger.get(job.id).state == "cancelled"


def test_a_queue_takes_as_many_as_it_has_room_for(books: Books) -> None:
    order, limits = JobOrder("x", {}), JobLimits()

    def add(children: int) -> bool:
        try:
            books.ledger.add(order, limits, [order] * children, most_waiting=10)
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(add, [2] * 8)) == 5
    assert not add(0)
    books.take()
    assert add(0)
    with pytest.raises(InvalidInput, match="at most"):
        books.ledger.add(order, limits, [order] * 11, most_waiting=10)
    assert books.ledger.counts() == {"queued": 10, "running": 1}


def test_jobs_are_listed_by_page_and_by_what_they_are(books: Books) -> None:
    ids = [books.add(kind).id for kind in ("a", "b", "a")]
    batch = books.add("batch", children=3)
    books.take()
    page = books.ledger.page(2, 1)
    assert ([job.id for job in page.jobs], page.total) == ([ids[2], ids[1]], 4)
    assert books.ledger.page(kinds=["a"]).total == 2
    assert [job.id for job in books.ledger.page(states=["running"]).jobs] == [ids[0]]
    assert books.ledger.page(model="vit_h").total == 4
    assert books.ledger.page(model="vit_b").total == 0
    assert [job.position for job in books.ledger.page(parent_id=batch.id).jobs] == [0, 1, 2]
    assert books.ledger.page(children_too=True).total == 7
    assert books.ledger.page(-5, -5).jobs == ()


def test_deleting_takes_children_and_events_along_and_stops_the_owner(books: Books) -> None:
    kept, batch = books.add(), books.add("batch", children=3)
    books.take()
    child = books.take()
    with pytest.raises(Conflict, match="batch"):
        books.ledger.remove(child.id)
    books.ledger.remove(batch.id)
    assert books.claims.renew(child.claim) == "gone"
    with books.database.read() as connection:
        assert connection.execute(select(jobs.c.id)).scalars().all() == [kept.id]
        assert set(connection.execute(select(job_events.c.job_id)).scalars()) == {kept.id}


def test_only_what_ended_long_ago_is_purged(books: Books) -> None:
    batch, waiting = books.add("batch", children=2), books.add()
    for _ in range(2):
        books.claims.complete(books.take().claim, None)
    assert books.upkeep.purge(1) == 0
    with books.database.write() as connection:
        past = books.ledger.get(batch.id).created.replace(year=2020)
        connection.execute(jobs.update().where(jobs.c.state == "completed").values(finished=past))
    assert books.upkeep.purge(1) == 1
    with books.database.read() as connection:
        assert connection.execute(select(jobs.c.id)).scalars().all() == [waiting.id]
        assert connection.execute(select(func.count()).select_from(job_events)).scalar_one() == 1


def test_the_numbers_of_deleted_events_are_never_given_out_again(books: Books) -> None:
    first = books.add()
    highest = books.ledger.events(first.id)[-1].seq
    books.ledger.remove(first.id)
    assert books.ledger.events(books.add().id)[0].seq > highest


def test_events_are_read_from_where_a_watcher_stopped(books: Books) -> None:
    books.add()
    job = books.take()
    for step in range(10):
        books.claims.progress(job.claim, step / 10, f"step {step}")
    seen = books.ledger.events(job.id, limit=5)
    rest = books.ledger.events(job.id, after=seen[-1].seq)
    assert [event.data.get("message") for event in rest] == [f"step {step}" for step in range(3, 10)]
    assert books.ledger.events(job.id, after=rest[-1].seq) == []
    assert books.ledger.events(job.id, after=2**70) == []
    assert len(books.ledger.events(job.id, after=-7)) == 12


def test_wake_ups_are_repeated_when_they_are_old_and_for_the_first_in_line(books: Books) -> None:
    ids = [books.add().id for _ in range(5)]
    assert books.upkeep.dispatch(9) == []  # woken when they were added
    assert books.upkeep.dispatch(2, after_seconds=0) == ids[:2]
    batch, woken = books.ledger.add(JobOrder("b", {}), JobLimits(), [JobOrder("x", {})] * 3, dispatched=1)
    assert len(woken) == 1
    assert len(books.upkeep.dispatch(9)) == batch.children - 1
    assert books.upkeep.dispatch(0, after_seconds=0) == []


def test_words_that_a_database_could_not_bear_are_kept_as_well_as_can_be(books: Books) -> None:
    books.add()
    job = books.take()
    books.claims.progress(job.claim, 7.0, "a\0b\ud800" + "x" * 5000)
    stored = books.ledger.get(job.id)
    assert (stored.progress, stored.message[:3], len(stored.message)) == (1.0, "ab?", 999)
    books.claims.fail(job.claim, JobError("X", "no\0thing"))
    error = books.ledger.get(job.id).error
    assert error == JobError("X", "nothing")
