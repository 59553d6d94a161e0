"""The ledger kept in order: jobs whose worker is gone, jobs past their limit, wake-ups that were lost, old jobs.

Every step looks at a row again when it holds its lock, so any number of processes may do all of this at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import and_, or_, select

from imagequarry.domain.job import CANCELLED, ENDED, TIMEOUT, WORKER_LOST, JobError
from imagequarry.stores.ledger_journal import Change, JobRow, Journal, end, requeue
from imagequarry.stores.tables import jobs

_MOST = 100


class Upkeep:
    """What the reaper does with the ledger."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def reap(self) -> list[str]:
        """Put jobs of dead workers back or give them up, and end those past their hard limit; the ids put back."""
        with self._journal.database.read() as connection:
            now = self._journal.now(connection)
            over = or_(jobs.c.lease_until < now, jobs.c.deadline < now)
            found = select(jobs.c.id).where(jobs.c.state == "running", jobs.c.children == 0, over).limit(_MOST)
            ids = list(connection.execute(found).scalars())
        # One transaction each: jobs of several batches in one would take the batches' locks in any order.
        return [id for id in ids if self._reap(id)]

    def _reap(self, id: str) -> bool:
        with self._journal.change() as change:
            row = change.locked(id)
            if row is None or row.state != "running":
                return False
            if row.deadline is not None and row.deadline < change.now:
                # Not again: a job that hangs would hang each time.
                message = f"The job took longer than its limit of {row.hard:g} seconds."
                end(change, row, "failed", error=JobError(TIMEOUT, message))
                return False
            if row.lease_until is None or row.lease_until >= change.now:
                return False
            return _without_owner(change, row)

    def dispatch(self, most: int, after_seconds: float = 20.0) -> list[str]:
        """The oldest jobs that are due and whose last wake-up is that long ago, marked as woken now."""
        if most <= 0:
            return []
        with self._journal.change() as change:
            long_ago = change.now - timedelta(seconds=after_seconds)
            due = (
                select(jobs.c.id)
                .where(
                    jobs.c.state == "queued",
                    jobs.c.children == 0,
                    jobs.c.not_before <= change.now,
                    or_(jobs.c.dispatched.is_(None), jobs.c.dispatched < long_ago),
                )
                .order_by(jobs.c.created, jobs.c.position)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            ids = list(change.connection.execute(due).scalars())
            for start in range(0, len(ids), _MOST):
                some = jobs.c.id.in_(ids[start : start + _MOST])
                change.connection.execute(jobs.update().where(some).values(dispatched=change.now))
        return ids

    def purge(self, hours: float, forget: Callable[[str], None] = lambda _: None) -> int:
        """Delete jobs that ended that long ago, with their children and events; how many.

        ``forget`` is called for each before, to remove what the job keeps elsewhere. Who is killed in between has
        the job still, and so does it again.
        """
        removed = 0
        while True:
            with self._journal.database.read() as connection:
                before = self._journal.now(connection) - timedelta(hours=hours)
                old = and_(jobs.c.parent_id.is_(None), jobs.c.state.in_(ENDED), jobs.c.finished < before)
                ids = list(connection.execute(select(jobs.c.id).where(old).limit(_MOST)).scalars())
            for id in ids:
                forget(id)
            with self._journal.change() as change:
                change.connection.execute(jobs.delete().where(jobs.c.id.in_(ids), old))
            removed += len(ids)
            if len(ids) < _MOST:
                return removed


def _without_owner(change: Change, row: JobRow) -> bool:
    if row.cancel:
        end(change, row, "cancelled", error=JobError(CANCELLED, "The job was cancelled."))
    elif row.attempt >= row.max_attempts:
        times = "once" if row.attempt == 1 else f"{row.attempt} times"
        message = f"The worker stopped in the middle of the job; it was started {times}."
        end(change, row, "failed", error=JobError(WORKER_LOST, message))
    else:
        requeue(change, row, change.now, row.max_attempts)
        return True
    return False
