"""The ledger as a worker sees it: take a job, keep its lease, tell how it goes, end it.

A claim is fenced: every write asks that the row is still running, with this worker, in this attempt. A
write that finds no such row returns False: the lease was lost and what the worker did no longer counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, select, update

from imagequarry.domain.job import Claim, EndState, Job, JobError
from imagequarry.stores.ledger_journal import COLUMNS, Change, JobRow, Journal, advance, end, fit, job_of, requeue
from imagequarry.stores.tables import jobs

Standing = Literal["held", "unwanted", "lost", "gone"]
"""Of a claim: it holds; the job should stop; another worker has the job, or none; somebody deleted the job."""


class Claims:
    """Takes jobs for workers. A job whose lease is not renewed for ``lease_seconds`` goes back or is given up."""

    def __init__(self, journal: Journal, lease_seconds: float = 20.0) -> None:
        self._journal = journal
        self._lease = timedelta(seconds=lease_seconds)
        self.lease_seconds = lease_seconds

    def take(self, worker: str, id: str | None = None) -> Job | None:
        """The oldest job that waits, or that one, now running and owned by the worker; None where there is none.

        Any number of workers may ask at once: each job goes to one of them.
        """
        with self._journal.change() as change:
            due = [jobs.c.state == "queued", jobs.c.children == 0, jobs.c.not_before <= change.now]
            if id is not None:
                due.append(jobs.c.id == id)
            oldest = select(jobs.c.id, jobs.c.hard).where(*due).order_by(jobs.c.created, jobs.c.position).limit(1)
            # Who comes at the same time skips the row that is locked here, and takes the next one.
            found = change.connection.execute(oldest.with_for_update(skip_locked=True)).first()
            if found is None:
                return None
            values = {
                "state": "running",
                "worker": worker,
                "attempt": jobs.c.attempt + 1,
                "started": change.now,
                "lease_until": change.now + self._lease,
                "deadline": change.now + timedelta(seconds=found.hard),
            }
            claim = update(jobs).where(jobs.c.id == found.id).values(**values).returning(*COLUMNS)
            row = change.connection.execute(claim).one()
            change.note("started", [row.id], {"attempt": row.attempt})
            if row.parent_id is not None:
                advance(change, row.parent_id, 0)
        return job_of(row)

    def standing(self, claim: Claim) -> Standing:
        """Whether the worker still owns the job, and whether it is still wanted."""
        with self._journal.database.read() as connection:
            cancel: bool | None = connection.execute(select(jobs.c.cancel).where(_owned(claim))).scalar()
            if cancel is None:
                there = connection.execute(select(jobs.c.id).where(jobs.c.id == claim.id)).scalar()
                return "lost" if there else "gone"
        return "unwanted" if cancel else "held"

    def renew(self, claim: Claim) -> Standing:
        """Prolong the lease by its whole length."""
        with self._journal.change() as change:
            change.connection.execute(update(jobs).where(_owned(claim)).values(lease_until=change.now + self._lease))
        return self.standing(claim)

    def progress(self, claim: Claim, fraction: float, message: str, checkpoint: Any = None) -> bool:
        """Say how far the job is (0..1); a checkpoint, where one is given, replaces the last one."""
        with self._fenced(claim) as (change, row):
            if row is None:
                return False
            fraction, message = min(1.0, max(0.0, fraction)), fit(message)
            values = {"progress": fraction, "message": message}
            change.update(claim.id, **values, **({} if checkpoint is None else {"checkpoint": checkpoint}))
            change.note("progress", [claim.id], values)
            if row.parent_id is not None:
                advance(change, row.parent_id, fraction - row.progress)
        return True

    def log(self, claim: Claim, level: str, message: str) -> bool:
        """Tell those who watch."""
        with self._fenced(claim) as (change, row):
            if row is not None:
                change.note("log", [claim.id], {"level": level, "message": fit(message)})
        return row is not None

    def complete(self, claim: Claim, result: Any) -> bool:
        """End it with its result (JSON)."""
        return self._end(claim, "completed", result=result)

    def fail(self, claim: Claim, error: JobError) -> bool:
        """End it with the reason why it failed."""
        return self._end(claim, "failed", error=error)

    def cancelled(self, claim: Claim, error: JobError) -> bool:
        """End it because somebody wished so."""
        return self._end(claim, "cancelled", error=error)

    def postpone(self, claim: Claim, seconds: float, *, counts: bool = True) -> bool:
        """Put it back for a later start; without ``counts`` this attempt is not one of those it may have."""
        with self._fenced(claim) as (change, row):
            if row is not None:
                later = change.now + timedelta(seconds=seconds)
                requeue(change, row, later, row.max_attempts + (not counts))
        return row is not None

    def forsake(self, claim: Claim) -> bool:
        """End the lease at once, because its owner is known to be dead: the reaper then need not wait for that."""
        with self._journal.change() as change:
            return (
                change.connection.execute(update(jobs).where(_owned(claim)).values(lease_until=change.now)).rowcount > 0
            )

    def _end(self, claim: Claim, state: EndState, *, result: Any = None, error: JobError | None = None) -> bool:
        with self._fenced(claim) as (change, row):
            if row is not None:
                end(change, row, state, result=result, error=error)
        return row is not None

    @contextmanager
    def _fenced(self, claim: Claim) -> Iterator[tuple[Change, JobRow | None]]:
        with self._journal.change() as change:
            yield change, change.connection.execute(select(*COLUMNS).where(_owned(claim)).with_for_update()).first()


def _owned(claim: Claim) -> ColumnElement[bool]:
    mine = jobs.c.worker == claim.worker, jobs.c.attempt == claim.attempt
    return and_(jobs.c.id == claim.id, jobs.c.state == "running", *mine)
