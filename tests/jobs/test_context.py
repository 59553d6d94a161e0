"""What a job's function holds: a receipt is kept whatever became of the job in that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagequarry.domain.job import JobLimits, JobOrder
from imagequarry.errors import Cancelled
from imagequarry.jobs.context import Context, Interrupted, LostLease, SoftTimeout
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal

RECEIPT = {"request_id": "paid"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    database.migrate()
    yield Journal(database)
    database.close()


def taken(journal: Journal, limits: JobLimits | None = None) -> Context:
    """A job as its function finds it."""
    ledger = Ledger(journal)
    job = ledger.add(JobOrder("model", {}), limits or JobLimits())[0]
    return next_attempt(journal, job.id)


def next_attempt(journal: Journal, id: str) -> Context:
    claims = Claims(journal)
    job = claims.take("worker", id)
    assert job is not None
    return Context(job, claims)


def kept(context: Context, journal: Journal) -> object:
    """What the next attempt finds."""
    assert Claims(journal).postpone(context.job.claim, 0.0)
    return next_attempt(journal, context.job.id).checkpoint


STOPS: list[tuple[Callable[[Context], None], type[BaseException]]] = [
    (lambda context: context.hear("unwanted"), Cancelled),
    (lambda context: context.interrupt(), Interrupted),
]


@pytest.mark.parametrize(("stop", "raised"), STOPS)
def test_a_receipt_is_kept_although_the_job_should_stop(
    journal: Journal, stop: Callable[[Context], None], raised: type[BaseException]
) -> None:
    context = taken(journal)
    stop(context)
    with pytest.raises(raised):
        context.progress(0.5, "paid", checkpoint=RECEIPT)
    assert context.checkpoint == RECEIPT
    assert kept(context, journal) == RECEIPT


def test_a_receipt_is_kept_although_the_time_is_over(journal: Journal) -> None:
    context = taken(journal, JobLimits(soft=1e-6, hard=60))
    with pytest.raises(SoftTimeout):
        context.progress(0.5, "paid", checkpoint=RECEIPT)
    assert kept(context, journal) == RECEIPT


def test_progress_without_a_receipt_is_not_told_by_a_job_that_should_stop(journal: Journal) -> None:
    context = taken(journal)
    context.interrupt()
    with pytest.raises(Interrupted):
        context.progress(0.5, "half")
    assert Ledger(journal).get(context.job.id).progress == 0


def test_whoever_lost_the_job_leaves_no_receipt_in_it(journal: Journal) -> None:
    context = taken(journal)
    assert Claims(journal).postpone(context.job.claim, 0.0)
    with pytest.raises(LostLease):
        context.progress(0.5, "paid", checkpoint=RECEIPT)
    assert next_attempt(journal, context.job.id).checkpoint is None


def test_a_job_that_was_deleted_hears_that_it_was_called_off(journal: Journal) -> None:
    context = taken(journal)
    Ledger(journal).remove(context.job.id)
    with pytest.raises(Cancelled, match="deleted"):
        context.progress(0.5, "half")
    with pytest.raises(Cancelled, match="deleted"):
        context.check()
    assert context.lost


def test_a_heart_that_beats_for_a_deleted_job_calls_it_off(journal: Journal) -> None:
    claims = Claims(journal)
    context = taken(journal)
    assert (claims.standing(context.job.claim), claims.renew(context.job.claim)) == ("held", "held")
    Ledger(journal).cancel(context.job.id)
    assert (claims.standing(context.job.claim), claims.renew(context.job.claim)) == ("unwanted", "unwanted")
    Ledger(journal).remove(context.job.id)
    assert (claims.standing(context.job.claim), claims.renew(context.job.claim)) == ("gone", "gone")
    context.hear("gone")
    with pytest.raises(Cancelled, match="deleted"):
        context.check()
