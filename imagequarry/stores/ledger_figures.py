"""The ledger in figures: how many jobs wait and run, and how long those took that went on since somebody looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, func, or_, select

from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.tables import job_events, jobs

_STEPS: Final = ("started", "completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class JobStep:
    """A job began or ended.

    ``seconds`` is how long it waited for its first start or, with an end, took since its last one; None where that
    means nothing: for a start after the first, and for the end of a job that never began.
    """

    seq: int
    kind: str
    type: str
    seconds: float | None


class LedgerFigures:
    """Reads figures, in time that does not grow with what is kept of jobs that are over.

    Batches do not count beside their children, and neither does what was recorded as done at once. PostgreSQL commits
    events in another order than it numbers them, so what is younger than ``settle_seconds`` is left for the next look.
    """

    def __init__(self, journal: Journal, settle_seconds: float = 5.0) -> None:
        self._journal = journal
        self._database = journal.database
        self._settle = timedelta(seconds=0 if journal.database.is_sqlite else settle_seconds)

    def open_jobs(self) -> dict[tuple[str, str], int]:
        """How many jobs are queued and running, by kind and state."""
        query = (
            select(jobs.c.kind, jobs.c.state, func.count())
            .where(jobs.c.state.in_(["queued", "running"]), jobs.c.children == 0)
            .group_by(jobs.c.kind, jobs.c.state)
        )
        with self._database.read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def longest_wait(self) -> float:
        """Seconds since the longest waiting job could have started; 0 where none waits."""
        query = select(func.min(jobs.c.not_before)).where(jobs.c.state == "queued", jobs.c.children == 0)
        with self._database.read() as connection:
            due = connection.execute(query).scalar()
            return 0.0 if due is None else max(0.0, (self._journal.now(connection) - due).total_seconds())

    def newest(self) -> int:
        """The number of the last event there is; 0 where there is none."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(job_events.c.seq))).scalar() or 0

    def steps(self, after: int, limit: int = 1000) -> list[JobStep]:
        """What jobs began and ended after the event of that number, in order."""
        columns = job_events.c.seq, job_events.c.type, job_events.c.at, job_events.c.data
        query = (
            select(*columns, jobs.c.kind, jobs.c.created, jobs.c.started)
            .join(jobs, jobs.c.id == job_events.c.job_id)
            .where(job_events.c.seq > after, job_events.c.type.in_(_STEPS), jobs.c.children == 0)
            .where(or_(jobs.c.started.is_(None), jobs.c.started != jobs.c.created))
            .order_by(job_events.c.seq)
            .limit(limit)
        )
        found = []
        with self._database.read() as connection:
            settled = self._journal.now(connection) - self._settle
            for row in connection.execute(query):
                if row.at > settled:
                    break
                found.append(JobStep(row.seq, row.kind, row.type, _seconds(row)))
        return found


def _seconds(row: Row[*tuple[Any, ...]]) -> float | None:
    if row.type == "started":
        return max(0.0, (row.at - row.created).total_seconds()) if row.data.get("attempt") == 1 else None
    # One that was started again since then has another beginning.
    if row.started is None or row.started > row.at:
        return None
    seconds: float = (row.at - row.started).total_seconds()
    return seconds
