"""Batches in the ledger of jobs: their counts add up, whatever happens to their jobs at the same time."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from imagequarry.errors import Conflict, StorageFailure
from tests.stores.books import FAULT, Books


def test_a_batch_adds_up_whatever_becomes_of_its_jobs(books: Books) -> None:
    batch = books.add("batch", children=4)
    assert (batch.children, batch.is_batch, batch.state) == (4, True, "queued")
    one, two, three, four = (books.take() for _ in range(4))
    assert [job.position for job in (one, two, three, four)] == [0, 1, 2, 3]
    assert books.ledger.get(batch.id).state == "running"
    assert books.claims.take("w") is None  # the batch itself is not run
    books.claims.progress(one.claim, 0.5, "")
    assert books.ledger.get(batch.id).progress == pytest.approx(0.125)
    books.claims.complete(one.claim, None)
    books.claims.fail(two.claim, FAULT)
    assert books.ledger.get(batch.id).progress == pytest.approx(0.5)
    books.ledger.cancel(three.id)
    books.claims.cancelled(three.claim, FAULT)
    before = books.ledger.get(batch.id)
    assert (before.state, before.children_completed, before.children_failed) == ("running", 1, 2)
    books.claims.complete(four.claim, None)
    after = books.ledger.get(batch.id)
    assert (after.state, after.progress, after.children_completed, after.children_failed) == ("completed", 1.0, 2, 2)
    last = books.ledger.events(batch.id)[-1]
    assert (last.type, last.data) == ("completed", {"completed": 2, "failed": 2, "total": 4})


def test_a_batch_of_which_nothing_came_fails(books: Books) -> None:
    batch = books.add("batch", children=2)
    for _ in range(2):
        books.claims.fail(books.take().claim, FAULT)
    failed = books.ledger.get(batch.id)
    assert failed.error is not None
    assert (failed.state, failed.error.code, failed.children_failed) == ("failed", "NONE_COMPLETED", 2)


def test_a_batch_is_cancelled_as_a_whole(books: Books) -> None:
    batch = books.add("batch", children=5)
    done, running = books.take(), books.take()
    books.claims.complete(done.claim, None)
    now = books.ledger.cancel(batch.id)
    assert (now.state, now.children_completed, now.children_failed) == ("running", 1, 3)
    assert books.claims.standing(running.claim) == "unwanted"
    books.claims.cancelled(running.claim, FAULT)
    ended = books.ledger.get(batch.id)
    assert (ended.state, ended.children_completed, ended.children_failed) == ("cancelled", 1, 4)
    assert books.types(batch.id)[-1] == "cancelled"
    assert books.claims.take("w") is None


def test_what_failed_of_a_batch_can_be_started_again(books: Books) -> None:
    batch = books.add("batch", children=3, max_attempts=1)
    for fails in (True, False, True):
        claim = books.take().claim
        assert books.claims.fail(claim, FAULT) if fails else books.claims.complete(claim, 1)
    again = books.ledger.retry(batch.id, 2)
    assert (again.state, again.children_completed, again.children_failed) == ("running", 1, 0)
    assert again.progress == pytest.approx(1 / 3)
    for _ in range(2):
        job = books.take()
        assert (job.attempt, job.limits.max_attempts, job.error, job.progress) == (2, 3, None, 0.0)
        books.claims.complete(job.claim, 2)
    assert books.ledger.get(batch.id).children_completed == 3
    with pytest.raises(Conflict):
        books.ledger.retry(batch.id, 2)


def test_the_counts_of_a_batch_survive_a_crowd(books: Books) -> None:
    batch = books.add("batch", children=120)
    called_off = threading.Event()

    def work(worker: int) -> None:
        for done in itertools.count():
            if done == 15:  # the rest waits: a crowd may be so quick that there is nothing left to call off
                assert called_off.wait(60)
            job = books.claims.take(f"w{worker}")
            if job is None:
                return
            books.claims.progress(job.claim, 0.5, "")
            if job.position % 4:
                books.claims.complete(job.claim, None)
            else:
                books.claims.fail(job.claim, FAULT)

    with ThreadPoolExecutor(5) as pool:
        crowd = [pool.submit(work, n) for n in range(4)]
        while books.ledger.get(batch.id).children_completed < 5:
            time.sleep(0.005)
        books.ledger.cancel(batch.id)
        called_off.set()
        for one in crowd:
            one.result()
    ended = books.ledger.get(batch.id)
    assert (ended.state, ended.children_completed + ended.children_failed) == ("cancelled", 120)
    failed = books.ledger.page(parent_id=batch.id, states=["failed", "cancelled"]).total
    assert ended.children_failed == failed
    seqs = [(event.seq, event.data["completed"] + event.data["failed"]) for event in books.ledger.events(batch.id)[2:]]
    assert seqs == sorted(seqs)


def test_opposite_changes_of_one_batch_never_wait_for_each_other(books: Books) -> None:
    stop = threading.Event()
    faults: list[StorageFailure] = []

    def repeatedly(act: Any) -> None:
        while not stop.is_set():
            try:
                act()
            except Conflict:
                pass
            except StorageFailure as error:
                faults.append(error)
                return

    batch = books.add("batch", children=12)

    def work() -> None:
        job = books.claims.take(threading.current_thread().name)
        if job is not None:
            books.claims.progress(job.claim, 0.5, "")
            books.claims.fail(job.claim, FAULT)

    acts = [
        work,
        work,
        books.upkeep.reap,
        lambda: books.ledger.cancel(batch.id),
        lambda: books.ledger.retry(batch.id, 9),
    ]
    threads = [threading.Thread(target=repeatedly, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    with books.database.read() as connection:
        count = text("SELECT count(*) FROM jobs WHERE parent_id = :id AND state IN ('failed', 'cancelled')")
        failed = connection.execute(count, {"id": batch.id}).scalar_one()
    assert books.ledger.get(batch.id).children_failed == failed
