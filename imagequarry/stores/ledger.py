"""The ledger of jobs as those who ask for work see it: hand in, look up, cancel, retry, delete, follow."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, select

from imagequarry.domain.job import CANCELLED, ENDED, Job, JobError, JobEvent, JobLimits, JobOrder, JobPage, JobState
from imagequarry.domain.records import is_id
from imagequarry.errors import Busy, Conflict, InvalidInput, JobNotFound
from imagequarry.stores.ledger_journal import COLUMNS, Change, JobRow, Journal, advance, end, job_of, requeue
from imagequarry.stores.tables import job_events, jobs

T = TypeVar("T")

# Any number does, as long as nothing but the adding of jobs takes it.
_ROOM_LOCK = 5_081_148
_READ_AT_ONCE = 500
_STOPPED = JobError(CANCELLED, "The job was cancelled.")


class Ledger:
    """Keeps jobs. Every change is one transaction that also writes the events which tell of it.

    A job with children is a batch: it is never run, starts with its first child and ends with its last.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._database = journal.database

    def add(
        self,
        order: JobOrder,
        limits: JobLimits,
        children: Sequence[JobOrder] = (),
        *,
        most_waiting: int | None = None,
        dispatched: int = 1,
    ) -> tuple[Job, list[str]]:
        """Keep a new job, or a batch with its children; also the ids to wake workers for, ``dispatched`` at most.

        Raises Busy when more than ``most_waiting`` jobs would wait, InvalidInput for a batch larger than that.
        """
        with self._journal.change() as change:
            self._make_room(change, max(1, len(children)), most_waiting)
            values = [_values(change.now, order, limits, children=len(children))]
            id = values[0]["id"]
            for position, child in enumerate(children):
                values.append(_values(change.now, child, limits, parent_id=id, position=position))
            started = values[1:] if children else values
            for row in started[:dispatched]:
                row["dispatched"] = change.now
            change.connection.execute(jobs.insert(), values)
            change.note("queued", [row["id"] for row in values])
            found = change.locked(id)
            assert found is not None
        return job_of(found), [row["id"] for row in started[:dispatched]]

    def record(self, id: str, order: JobOrder, limits: JobLimits, result: Any) -> Job:
        """Keep a job that was done before anybody could wait for it, under an id of the caller's.

        Raises Conflict when a job has that id.
        """
        with self._journal.change() as change:
            values = _values(change.now, order, limits)
            done = {"state": "completed", "progress": 1.0, "started": change.now, "finished": change.now}
            change.connection.execute(jobs.insert(), {**values, **done, "id": id, "result": result})
            change.note("completed", [id])
            found = change.locked(id)
            assert found is not None
        return job_of(found)

    def get(self, id: str) -> Job:
        """The job. Raises JobNotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(*COLUMNS).where(jobs.c.id == _checked(id))).first()
        if row is None:
            raise JobNotFound
        return job_of(row)

    def result(self, id: str) -> Any:
        """What a completed job returned. Raises JobNotFound, and Conflict with the ``state`` of a job that did not."""
        with self._database.read() as connection:
            columns = jobs.c.state, jobs.c.result, jobs.c.error
            row = connection.execute(select(*columns).where(jobs.c.id == _checked(id))).first()
        if row is None:
            raise JobNotFound
        if row.state != "completed":
            said = {"queued": "has not started", "running": "is still running", "cancelled": "was cancelled"}
            raise Conflict(f"The job {said.get(row.state, row.state)}; there is no result.", state=row.state)
        return row.result

    def page(
        self,
        limit: int = 50,
        offset: int = 0,
        *,
        states: Sequence[JobState] = (),
        kinds: Sequence[str] = (),
        model: str | None = None,
        parent_id: str | None = None,
        children_too: bool = False,
    ) -> JobPage:
        """Jobs, newest first, or the children of a batch in their order; children of all others only when wished."""
        wanted: list[ColumnElement[bool]] = []
        if parent_id is not None:
            wanted.append(jobs.c.parent_id == _checked(parent_id))
        elif not children_too:
            wanted.append(jobs.c.parent_id.is_(None))
        if states:
            wanted.append(jobs.c.state.in_(states))
        if kinds:
            wanted.append(jobs.c.kind.in_(kinds))
        if model is not None:
            wanted.append(jobs.c.model == model)
        newest = (jobs.c.position,) if parent_id is not None else (jobs.c.created.desc(), jobs.c.id.desc())
        query: Select[*tuple[Any, ...]] = select(*COLUMNS).where(and_(True, *wanted)).order_by(*newest)
        bounded = query.limit(max(0, min(limit, 2**31 - 1))).offset(max(0, min(offset, 2**31 - 1)))
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(jobs).where(and_(True, *wanted))).scalar_one()
            return JobPage(tuple(job_of(row) for row in connection.execute(bounded)), total)

    def family(self, id: str) -> Iterator[Job]:
        """The job and then its children, read a few hundred at a time. Raises JobNotFound."""
        yield (parent := self.get(id))
        for offset in range(0, parent.children, _READ_AT_ONCE):
            yield from self.page(_READ_AT_ONCE, offset, parent_id=id).jobs

    def durations(self, kind: str, model: str, limit: int = 20) -> list[float]:
        """How many seconds the newest completed jobs of that kind and model took."""
        wanted = jobs.c.state == "completed", jobs.c.kind == kind, jobs.c.model == model
        query = select(jobs.c.started, jobs.c.finished).where(*wanted).order_by(jobs.c.created.desc()).limit(limit)
        with self._database.read() as connection:
            return [(row.finished - row.started).total_seconds() for row in connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state, batches not counted beside their children."""
        query = select(jobs.c.state, func.count()).where(jobs.c.children == 0).group_by(jobs.c.state)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def events(self, id: str, after: int = 0, limit: int = 500) -> list[JobEvent]:
        """What happened to the job after the event of that number, in order. Raises JobNotFound."""
        mine = and_(job_events.c.job_id == _checked(id), job_events.c.seq > max(-1, min(after, 2**63 - 1)))
        with self._database.read() as connection:
            rows = connection.execute(select(job_events).where(mine).order_by(job_events.c.seq).limit(limit)).all()
            known = rows or connection.execute(select(jobs.c.id).where(jobs.c.id == id)).first()
        if not known:
            raise JobNotFound
        return [JobEvent(**row._mapping) for row in rows]

    def cancel(self, id: str) -> Job:
        """End what waits and ask what runs to stop. Raises JobNotFound, Conflict when the job has ended already."""
        if self.get(id).is_batch:
            return self._cancel_batch(id)
        with self._journal.change() as change:
            row = _found(change, id)
            if row.state in ENDED:
                raise Conflict("The job has ended already.", state=row.state)
            if row.state == "queued":
                end(change, row, "cancelled", error=_STOPPED)
            else:
                change.update(id, cancel=True)
                change.touched.append(id)
        return self.get(id)

    def retry(self, id: str, attempts: int) -> Job:
        """Let a job that failed or was cancelled, or such children of a batch, start again as often as that.

        Raises JobNotFound, and Conflict when there is nothing to start again.
        """
        is_batch = self.get(id).is_batch
        mine = jobs.c.parent_id == id if is_batch else jobs.c.id == id
        with self._journal.change() as change:
            self._alone(change, id)
            rows = _locked(change, and_(mine, jobs.c.state.in_(["failed", "cancelled"])))
            if not rows:
                raise Conflict("Only a job that failed or was cancelled can start again.")
            fresh = {"cancel": False, "error": None, "finished": None, "started": None, "message": "", "progress": 0.0}
            for row in rows:
                requeue(change, row, change.now, row.attempt + attempts, **fresh)
            if rows[0].parent_id is not None:
                change.update(rows[0].parent_id, cancel=False, error=None, finished=None)
                advance(change, rows[0].parent_id, -len(rows), failed=-len(rows))
        return self.get(id)

    def at_rest(self, id: str, act: Callable[[Job], T]) -> T:
        """Call ``act`` while nobody can start the job again; it must be quick and leave the database alone.

        Raises JobNotFound, and Conflict for a job that has not ended.
        """
        with self._journal.change() as change:
            row = _found(change, _checked(id))
            if row.state not in ENDED:
                raise Conflict("The job has not ended yet; cancel it first.", state=row.state)
            return act(job_of(row))

    def remove(self, id: str) -> None:
        """Delete the job with its children and events; an owner that still works on it loses its lease.

        Raises JobNotFound, and Conflict for a child, whose batch would no longer add up.
        """
        with self._journal.change() as change:
            children = _locked(change, jobs.c.parent_id == _checked(id))
            row = _found(change, id)
            if row.parent_id is not None:
                raise Conflict("The job is part of a batch; delete the batch.", parent_id=row.parent_id)
            change.connection.execute(jobs.delete().where(jobs.c.id == id))
            change.touched += [id, *(child.id for child in children)]

    def _cancel_batch(self, id: str) -> Job:
        with self._journal.change() as change:
            self._alone(change, id)
            open_ones = and_(jobs.c.parent_id == id, jobs.c.state.not_in(ENDED))
            rows = _locked(change, open_ones)
            if not rows:
                raise Conflict("The job has ended already.", state=_found(change, id).state)
            waiting = [row for row in rows if row.state == "queued"]
            told = {"code": _STOPPED.code, "message": _STOPPED.message}
            change.connection.execute(
                jobs.update().where(open_ones, jobs.c.state == "running").values(cancel=True),
            )
            ended = {"state": "cancelled", "finished": change.now, "error": told}
            change.connection.execute(jobs.update().where(open_ones, jobs.c.state == "queued").values(**ended))
            change.note("cancelled", [row.id for row in waiting], told)
            change.update(id, cancel=True)
            advance(change, id, sum(1 - row.progress for row in waiting), failed=len(waiting))
        return self.get(id)

    def _alone(self, change: Change, id: str) -> None:
        """Let nobody else cancel or retry the jobs of a batch: they choose children by what they are."""
        self._database.lock(change.connection, int(hashlib.sha256(id.encode()).hexdigest()[:15], 16))

    def _make_room(self, change: Change, wanted: int, most_waiting: int | None) -> None:
        if most_waiting is None:
            return
        if wanted > most_waiting:
            raise InvalidInput(f"A batch may have {most_waiting} jobs at most; these are {wanted}.")
        # Two who ask at once must not both find the last place free.
        self._database.lock(change.connection, _ROOM_LOCK)
        query = select(func.count()).select_from(jobs).where(jobs.c.state == "queued", jobs.c.children == 0)
        if change.connection.execute(query).scalar_one() + wanted > most_waiting:
            raise Busy("As many jobs wait as this server takes; try again later.")


def _values(
    now: datetime,
    order: JobOrder,
    limits: JobLimits,
    *,
    parent_id: str | None = None,
    position: int = 0,
    children: int = 0,
) -> dict[str, Any]:
    return {
        "id": order.id or str(uuid.uuid4()),
        "parent_id": parent_id,
        "position": position,
        "kind": order.kind,
        "model": order.model,
        "params": order.params,
        "state": "queued",
        "progress": 0.0,
        "message": "",
        "attempt": 0,
        "max_attempts": limits.max_attempts,
        "cancel": False,
        "soft": limits.soft,
        "hard": limits.hard,
        "not_before": now,
        "created": now,
        "dispatched": None,
        "children": children,
        "children_completed": 0,
        "children_failed": 0,
    }


def _found(change: Change, id: str) -> JobRow:
    row = change.locked(id)
    if row is None:
        raise JobNotFound
    return row


def _locked(change: Change, condition: ColumnElement[bool]) -> list[JobRow]:
    query = select(*COLUMNS).where(condition).order_by(jobs.c.id).with_for_update()
    return list(change.connection.execute(query))


def _checked(id: str) -> str:
    if not is_id(id):
        raise JobNotFound
    return id
