"""One change of jobs: the rows, and the events that tell of it, in one transaction; then a ring for those who watch.

Locks are taken in one order, so that no two changes wait for each other: children by id, then their parent. The row
is changed before its event is written, so the row's lock gives the events of one job the order of their numbers, also
on PostgreSQL, where numbers are drawn before they can be seen. A child's row is updated once in a change: the second
time PostgreSQL would lock the parent in share, for the foreign key, and two who do that wait for each other for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from imagequarry.domain.job import NONE_COMPLETED, EndState, EventType, Job, JobError, JobLimits
from imagequarry.domain.records import utc_now
from imagequarry.stores.database import Database
from imagequarry.stores.tables import job_events, jobs

JobRow = Row[*tuple[Any, ...]]

# All but the result, which may be large and is asked for by itself.
COLUMNS = tuple(column for column in jobs.columns if column is not jobs.c.result)
_SAME = set(Job.__dataclass_fields__) - {"limits", "error"}
_LONGEST_MESSAGE = 1000


@dataclass(slots=True)
class Change:
    """A transaction under way. ``now`` is the database's time: the hosts' clocks may disagree."""

    connection: Connection
    now: datetime
    touched: list[str] = field(default_factory=list)

    def locked(self, id: str) -> JobRow | None:
        """The row, kept from changing until the end of the transaction."""
        return self.connection.execute(select(*COLUMNS).where(jobs.c.id == id).with_for_update()).first()

    def update(self, id: str, **values: Any) -> None:
        self.connection.execute(jobs.update().where(jobs.c.id == id).values(**values))

    def note(self, type: EventType, ids: Sequence[str], data: dict[str, Any] | None = None) -> None:
        """Write one event for each of the jobs."""
        rows = [{"job_id": id, "at": self.now, "type": type, "data": data or {}} for id in ids]
        if rows:
            self.connection.execute(job_events.insert(), rows)
            self.touched += ids


class Journal:
    """Opens changes, and rings for every job that one touched once it is committed."""

    def __init__(self, database: Database, ring: Callable[[str], None] = lambda _: None) -> None:
        self.database = database
        self._ring = ring

    @contextmanager
    def change(self) -> Iterator[Change]:
        with self.database.write() as connection:
            change = Change(connection, self.now(connection))
            yield change
        for id in dict.fromkeys(change.touched):
            self._ring(id)

    def now(self, connection: Connection) -> datetime:
        """The time all processes agree on: PostgreSQL's clock; SQLite has none but ours, and lies on our host."""
        if self.database.is_sqlite:
            return utc_now()
        time: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return time


def end(change: Change, row: JobRow, state: EndState, *, result: Any = None, error: JobError | None = None) -> None:
    """End the job of a locked row, and let its batch follow."""
    done = state == "completed"
    told = None if error is None else {"code": error.code, "message": fit(error.message)}
    change.update(
        row.id,
        state=state,
        progress=1.0 if done else row.progress,
        finished=change.now,
        lease_until=None,
        deadline=None,
        result=result,
        error=told,
    )
    change.note(state, [row.id], told)
    if row.parent_id is not None:
        advance(change, row.parent_id, 1 - row.progress, completed=int(done), failed=int(not done))


def requeue(change: Change, row: JobRow, not_before: datetime, max_attempts: int, **fresh: Any) -> None:
    """Let the job of a locked row start again.

    Attempts go on counting: an owner of old must not look like a new one.
    """
    change.update(
        row.id,
        state="queued",
        not_before=not_before,
        max_attempts=max_attempts,
        worker=None,
        lease_until=None,
        deadline=None,
        dispatched=None,
        **fresh,
    )
    change.note("queued", [row.id])


def advance(change: Change, parent_id: str, share: float, *, completed: int = 0, failed: int = 0) -> None:
    """Let a batch follow children that are locked: the sum of their steps (each 0..1), and how many of them ended."""
    row = change.locked(parent_id)
    if row is None:
        return
    done, lost = row.children_completed + completed, row.children_failed + failed
    counts = {"children_completed": done, "children_failed": lost}
    data = {"completed": done, "failed": lost, "total": row.children}
    if done + lost == row.children:
        _end_batch(change, row, counts, data)
        return
    progress = min(1.0, max(0.0, row.progress + share / row.children))
    change.update(parent_id, state="running", started=row.started or change.now, progress=progress, **counts)
    if row.state == "queued":
        change.note("started", [parent_id], {"attempt": 1})
    if share or completed or failed:
        change.note("progress", [parent_id], {"progress": progress, "message": row.message, **data})


def _end_batch(change: Change, row: JobRow, counts: dict[str, int], data: dict[str, Any]) -> None:
    state: EndState = "completed" if counts["children_completed"] else "failed"
    error = None
    if row.cancel:
        state = "cancelled"
    elif state == "failed":
        error = {"code": NONE_COMPLETED, "message": "None of the batch's jobs completed."}
    values = {"state": state, "progress": 1.0, "finished": change.now, "error": error}
    change.update(row.id, started=row.started or change.now, **values, **counts)
    change.note(state, [row.id], {**data, **(error or {})})


def fit(text: str) -> str:
    """Text of a kind or a library as both databases keep it: no NUL, no half characters, no novel."""
    return text[:_LONGEST_MESSAGE].encode(errors="replace").decode().replace("\0", "")


def job_of(row: JobRow) -> Job:
    """The job a row tells of."""
    values = row._mapping
    return Job(
        limits=JobLimits(row.soft, row.hard, row.max_attempts),
        error=None if row.error is None else JobError(**row.error),
        **{column.name: values[column] for column in COLUMNS if column.name in _SAME},
    )
