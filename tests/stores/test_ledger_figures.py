"""The ledger in figures, on both databases: what waits and runs, and how long that took which went on."""

from __future__ import annotations

import time

import pytest

from imagequarry.domain.job import CANCELLED, Job, JobError, JobLimits, JobOrder
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_figures import JobStep, LedgerFigures
from imagequarry.stores.ledger_journal import Journal

LIMITS = JobLimits()


class Book:
    """A ledger, its claims and its figures."""

    def __init__(self, database: Database, **given: float) -> None:
        journal = Journal(database)
        self.ledger = Ledger(journal)
        self.claims = Claims(journal)
        self.figures = LedgerFigures(journal, **given)

    def add(self, kind: str = "one", children: int = 0) -> Job:
        return self.ledger.add(JobOrder(kind, {}), LIMITS, [JobOrder("child", {})] * children)[0]

    def taken(self) -> Job:
        job = self.claims.take("somebody")
        assert job is not None
        return job

    def steps(self, after: int = 0) -> list[tuple[str, str, bool]]:
        """What happened: kind, type, and whether a time belongs to it."""
        return [(step.kind, step.type, step.seconds is not None) for step in self.figures.steps(after)]


@pytest.fixture
def book(database: Database) -> Book:
    """An empty ledger whose events are told of at once, on PostgreSQL too."""
    return Book(database, settle_seconds=0)


def test_open_jobs_are_counted_by_kind_and_state_without_batches_and_what_is_over(book: Book) -> None:
    assert (book.figures.open_jobs(), book.figures.longest_wait(), book.figures.newest()) == ({}, 0.0, 0)
    book.add()
    book.claims.complete(book.taken().claim, None)
    book.add("two")
    book.taken()
    book.add("two")
    book.add("batch", children=3)
    assert book.figures.open_jobs() == {("two", "running"): 1, ("two", "queued"): 1, ("child", "queued"): 3}


def test_the_longest_wait_is_that_of_the_job_that_is_due_the_longest(book: Book) -> None:
    book.add()
    time.sleep(0.2)
    book.add()
    assert 0.2 <= book.figures.longest_wait() < 20
    first = book.taken()
    assert book.figures.longest_wait() < 0.2
    book.claims.postpone(first.claim, 100)
    book.taken()
    assert book.figures.longest_wait() == 0.0


def test_a_job_tells_how_long_it_waited_and_took(book: Book) -> None:
    book.add()
    time.sleep(0.1)
    job = book.taken()
    time.sleep(0.2)
    assert book.claims.complete(job.claim, None)
    started, completed = book.figures.steps(0)
    assert (started.kind, started.type, completed.type) == ("one", "started", "completed")
    assert started.seconds is not None
    assert completed.seconds is not None
    assert 0.1 <= started.seconds < 10
    assert 0.2 <= completed.seconds < 10
    assert book.figures.steps(completed.seq) == []
    assert book.figures.newest() >= completed.seq


def test_only_the_first_start_is_a_wait_and_only_what_began_took_time(book: Book) -> None:
    book.add()
    book.claims.postpone(book.taken().claim, 0)
    book.claims.fail(book.taken().claim, JobError("X", "It failed."))
    book.ledger.cancel(book.add().id)
    assert book.steps() == [
        ("one", "started", True),
        ("one", "started", False),
        ("one", "failed", True),
        ("one", "cancelled", False),
    ]


def test_the_children_of_a_batch_count_and_the_batch_does_not(book: Book) -> None:
    book.add("batch", children=2)
    for _ in range(2):
        book.claims.cancelled(book.taken().claim, JobError(CANCELLED, "Stopped."))
    assert [kind for kind, _, _ in book.steps()] == ["child"] * 4


def test_what_was_done_at_once_is_no_job_here(book: Book) -> None:
    book.ledger.record("a-picture", JobOrder("single", {}), LIMITS, {})
    assert book.steps() == []


def test_steps_come_in_pages(book: Book) -> None:
    for _ in range(5):
        book.add()
        book.claims.complete(book.taken().claim, None)
    found: list[JobStep] = []
    while page := book.figures.steps(found[-1].seq if found else 0, limit=3):
        found += page
    assert [step.type for step in found] == ["started", "completed"] * 5


def test_what_may_still_be_overtaken_is_left_for_later(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.migrate()
    young = Book(database)
    young.add()
    young.taken()
    assert young.figures.steps(0) == []
    database.close()
