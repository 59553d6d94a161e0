"""The events of all jobs in the order of their numbers, for those who watch more than one job."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select

from imagequarry.domain.job import JobEvent, WatchedEvent
from imagequarry.domain.records import is_id
from imagequarry.errors import JobNotFound
from imagequarry.stores.database import Database
from imagequarry.stores.tables import job_events, jobs

Gap = tuple[int, int]
"""Numbers that have not been seen, the first and the last of them."""

_JOB = jobs.c.kind, jobs.c.parent_id, jobs.c.progress.label("job_progress")
_EVENT = tuple(JobEvent.__dataclass_fields__)
# The events before a number are looked through this far back, however few of them are wanted.
_FAR_BACK = 5000


class EventLog:
    """Reads events by their number, which is given out in order but, on PostgreSQL, not committed in order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, count: int) -> list[int]:
        """The highest numbers there are, in order."""
        query = select(job_events.c.seq).order_by(job_events.c.seq.desc()).limit(count)
        with self._database.read() as connection:
            return sorted(connection.execute(query).scalars())

    def after(self, seq: int, gaps: Sequence[Gap] = (), limit: int = 500) -> list[WatchedEvent]:
        """The events after that number and those in the gaps, which lie before it, in order."""
        number = job_events.c.seq
        # The lowest number wanted stands by itself too, so that the index is entered there and not at its beginning.
        lowest = min([seq, *(first - 1 for first, _ in gaps)])
        wanted = or_(number > seq, *(number.between(first, last) for first, last in gaps))
        query = _watched().where(and_(number > lowest, wanted)).order_by(number).limit(limit)
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def last_of_job(self, job_id: str, after: int, upto: int, limit: int) -> list[WatchedEvent]:
        """The job's newest events, at most ``limit``, with after < number <= upto, in order. Raises JobNotFound."""
        if not is_id(job_id):
            raise JobNotFound
        mine = and_(job_events.c.job_id == job_id, job_events.c.seq > after, job_events.c.seq <= upto)
        query = _watched().where(mine).order_by(job_events.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            known = rows or connection.execute(select(jobs.c.id).where(jobs.c.id == job_id)).first()
        if not known:
            raise JobNotFound
        return [_event(row) for row in reversed(rows)]

    def last_of_family(self, job_id: str, after: int, limit: int) -> list[WatchedEvent]:
        """The newest events of a job, and of what its children log, with after < number, in order."""
        # As a list of jobs, so that the index of each one's events is used.
        family = select(jobs.c.id).where(or_(jobs.c.id == job_id, jobs.c.parent_id == job_id))
        own_or_said = or_(job_events.c.job_id == job_id, job_events.c.type == "log")
        mine = and_(job_events.c.job_id.in_(family), own_or_said, job_events.c.seq > after)
        query = _watched().where(mine).order_by(job_events.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            return [_event(row) for row in reversed(connection.execute(query).all())]

    def missing(self, job_ids: Collection[str]) -> set[str]:
        """Those of the jobs that are not there."""
        with self._database.read() as connection:
            return set(job_ids) - set(connection.execute(select(jobs.c.id).where(jobs.c.id.in_(job_ids))).scalars())

    def last(self, after: int, upto: int, limit: int, kinds: Collection[str] | None = None) -> list[WatchedEvent]:
        """As ``last_of_job`` for all jobs outside batches, or those of some kinds; among the last 5000 events."""
        span = and_(job_events.c.seq > after, job_events.c.seq <= upto)
        recent = select(job_events.c.seq).where(span).order_by(job_events.c.seq.desc()).limit(_FAR_BACK).subquery()
        lowest = select(func.min(recent.c.seq)).scalar_subquery()
        query = _watched().where(span, job_events.c.seq >= lowest, jobs.c.parent_id.is_(None))
        if kinds is not None:
            query = query.where(jobs.c.kind.in_(kinds))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(job_events.c.seq.desc()).limit(limit)).all()
        return [_event(row) for row in reversed(rows)]


def _watched() -> Select[*tuple[Any, ...]]:
    return select(job_events, *_JOB).join(jobs, jobs.c.id == job_events.c.job_id)


def _event(row: Row[*tuple[Any, ...]]) -> WatchedEvent:
    values = row._mapping
    event = JobEvent(**{name: values[name] for name in _EVENT})
    return WatchedEvent(event, row.kind, row.parent_id, row.job_progress)
