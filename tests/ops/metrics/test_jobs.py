"""What is told of jobs: from nought on, read on from scrape to scrape, and the truth where the ledger hangs."""

from __future__ import annotations

import threading
import time

import pytest

from imagequarry.domain.job import JobError, JobLimits, JobOrder
from imagequarry.ops.metrics import jobs
from imagequarry.ops.metrics.jobs import JobMetrics
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_figures import LedgerFigures
from imagequarry.stores.ledger_journal import Journal


class Watched:
    """A ledger and what is told of it."""

    def __init__(self, database: Database, figures: LedgerFigures | None = None) -> None:
        journal = Journal(database)
        self.ledger = Ledger(journal)
        self.claims = Claims(journal)
        self.metrics = JobMetrics(figures or LedgerFigures(journal), ["one", "two"], lambda: {"workers": 3})

    def do(self, kind: str, *, well: bool = True) -> None:
        """Hand a job in and end it."""
        self.ledger.add(JobOrder(kind, {}), JobLimits())
        job = self.claims.take("somebody")
        assert job is not None
        if well:
            self.claims.complete(job.claim, None)
        else:
            self.claims.fail(job.claim, JobError("X", "It failed."))

    def told(self) -> dict[tuple[str, ...], float]:
        """Every sample by its name and the values of its labels."""
        return {
            (sample.name.removeprefix("imagequarry_"), *sample.labels.values()): sample.value
            for metric in self.metrics.collect()
            for sample in metric.samples
        }


def test_everything_is_told_from_nought_on(sqlite_database: Database) -> None:
    told = Watched(sqlite_database).told()
    assert {told["jobs_ended_total", kind, end] for kind in ("one", "two") for end in ("completed", "failed")} == {0}
    assert {told["jobs_open", kind, state] for kind in ("one", "two") for state in ("queued", "running")} == {0}
    assert (told["database_up",], told["job_workers",], told["job_longest_wait_seconds",]) == (1, 3, 0)
    assert ("job_workers_stuck",) not in told


def test_what_ended_before_the_start_is_not_told_and_every_end_only_once(sqlite_database: Database) -> None:
    watched = Watched(sqlite_database)
    watched.do("one")
    watched.metrics.begin()
    for _ in range(3):
        watched.do("one")
        watched.told()
    watched.do("two", well=False)
    told = watched.told()
    assert told["jobs_ended_total", "one", "completed"] == 3
    assert told["jobs_ended_total", "two", "failed"] == 1
    assert told["job_seconds_count", "one", "completed"] == told["job_wait_seconds_count", "one"] == 3
    assert told["job_seconds_bucket", "one", "completed", "+Inf"] == 3
    assert told == watched.told()


def test_more_than_is_read_at_once_is_read_all_the_same(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(sqlite_database)
    watched.metrics.begin()
    monkeypatch.setattr(jobs, "_READ_AT_ONCE", 2)
    for _ in range(7):
        watched.do("one")
    assert watched.told()["jobs_ended_total", "one", "completed"] == 7


def test_a_ledger_that_hangs_holds_up_a_scrape_for_seconds_only_and_nothing_is_lost(sqlite_database: Database) -> None:
    let_go = threading.Event()

    class Hanging(LedgerFigures):
        def longest_wait(self) -> float:
            assert let_go.wait(30)
            return super().longest_wait()

    watched = Watched(sqlite_database, Hanging(Journal(sqlite_database)))
    watched.metrics.begin()
    watched.do("one")
    assert watched.told() == {("database_up",): 0}
    assert watched.told() == {("database_up",): 0}
    let_go.set()
    until = time.monotonic() + 60
    while (told := watched.told()) == {("database_up",): 0}:
        assert time.monotonic() < until
    assert told["database_up",] == 1
    assert told["jobs_ended_total", "one", "completed"] == 1
