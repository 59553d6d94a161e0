"""Where work is handed in, looked up and called off: what surfaces and commands know of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog

from imagequarry.domain.job import Job, JobEvent, JobLimits, JobOrder, JobPage, JobState, plain_id
from imagequarry.errors import Busy, Conflict
from imagequarry.jobs.kinds import Kinds
from imagequarry.jobs.queues import Queue
from imagequarry.stores.ledger import Ledger

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

# How many workers are woken at once; the reaper wakes more within a second when there are more jobs.
_WOKEN = 16
_RETRY_AFTER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What a child of a batch should do: its kind, its payload, and the model it names, for lists.

    ``id`` is a new UUID that something else is kept under too; None leaves it to the ledger.
    """

    kind: str
    payload: Any
    model: str | None = None
    id: str | None = None


class Board:
    """Takes work in. An id may be written with ``task-`` before it everywhere.

    ``limits`` are what a job gets when it is handed in without any, and what its hard limit cannot exceed, unless its
    kind has limits of its own. ``forget`` removes what a job keeps outside the ledger.
    """

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        kinds: Kinds[Any],
        limits: JobLimits,
        queue_length: int = 1000,
        forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._kinds = kinds
        self._limits = limits
        self._queue_length = queue_length
        self._forget = forget

    def submit(
        self,
        kind: str,
        payload: Any,
        *,
        model: str | None = None,
        children: Sequence[Wish] = (),
        limits: JobLimits | None = None,
        id: str | None = None,
    ) -> Job:
        """Keep a job, or with children a batch, and wake a worker. What is returned is safe: it will be done.

        ``limits`` hold for the job or for each of its children. ``id`` is a new UUID for the job where something else
        is kept under it too. Raises Busy with ``retry_after`` (seconds) when too
        many jobs wait, InvalidInput for a batch larger than the queue and for a payload of another kind.
        """
        usual = self._usual(kind)
        limits = limits or usual
        hard = min(limits.hard, usual.hard)
        limits = JobLimits(min(limits.soft, hard), hard, limits.max_attempts)
        order = self._order(Wish(kind, payload, model, id))
        orders = [self._order(child) for child in children]
        try:
            job, woken = self._ledger.add(order, limits, orders, most_waiting=self._queue_length, dispatched=_WOKEN)
        except Busy as error:
            raise Busy(error.message, retry_after=_RETRY_AFTER_SECONDS) from error
        for waiting in woken:
            if not self._wake(waiting):
                break
        return job

    def record(self, id: str, kind: str, payload: Any, result: Any, *, model: str | None = None) -> Job:
        """Keep a job that is done already, so that it can be asked for like any other. Raises Conflict."""
        return self._ledger.record(id, self._order(Wish(kind, payload, model)), self._limits, result)

    def get(self, id: str) -> Job:
        """The job. Raises JobNotFound."""
        return self._ledger.get(plain_id(id))

    def result(self, id: str) -> Any:
        """What a completed job returned. Raises JobNotFound; Conflict with ``state`` for one that did not complete."""
        return self._ledger.result(plain_id(id))

    def page(
        self,
        limit: int = 50,
        offset: int = 0,
        *,
        states: Sequence[JobState] = (),
        kinds: Sequence[str] = (),
        model: str | None = None,
        batch: str | None = None,
        children_too: bool = False,
    ) -> JobPage:
        """Jobs and batches, newest first, and how many there are in all; the jobs of batches only when wished.

        With ``batch`` it is the jobs of that one, in their order.
        """
        parent = plain_id(batch) if batch is not None else None
        return self._ledger.page(
            limit, offset, states=states, kinds=kinds, model=model, parent_id=parent, children_too=children_too
        )

    def children(self, id: str, limit: int = 50, offset: int = 0, states: Sequence[JobState] = ()) -> JobPage:
        """The jobs of a batch, in their order."""
        return self._ledger.page(limit, offset, states=states, parent_id=plain_id(id))

    def durations(self, kind: str, model: str) -> list[float]:
        """How many seconds the last jobs of that kind took that were done by that model."""
        return self._ledger.durations(kind, model)

    def cancel(self, id: str) -> Job:
        """End what waits at once and ask what runs to stop. Raises JobNotFound, Conflict when it has ended."""
        return self._ledger.cancel(plain_id(id))

    def retry(self, id: str) -> Job:
        """Start a job again that failed or was cancelled, or such jobs of a batch. Raises JobNotFound, Conflict."""
        job = self._ledger.retry(plain_id(id), self._limits.max_attempts)
        if not job.is_batch:  # for a batch the reaper wakes as many workers as there are jobs
            self._wake(job.id)
        return job

    def delete(self, id: str) -> None:
        """Delete the job, what it keeps and all that is known of it; one that is not over is cancelled first.

        A worker that runs it stops at its next step, and what it returns is dropped. Raises JobNotFound, and Conflict
        for a job of a batch.
        """
        job = self.get(id)
        if job.parent_id is not None:
            raise Conflict("The job is part of a batch; delete the batch.", parent_id=job.parent_id)
        if not job.ended:
            with suppress(Conflict):  # it may end in this moment
                self._ledger.cancel(job.id)
        # The row last: what a killed process leaves behind is then still a job, and can be deleted again.
        self._forget(job.id)
        self._ledger.remove(job.id)

    def family(self, id: str) -> Iterator[Job]:
        """The job and then its children. Raises JobNotFound."""
        return self._ledger.family(plain_id(id))

    def at_rest(self, id: str, act: Callable[[Job], T]) -> T:
        """Call ``act`` while nobody can start the job again; it must be quick and leave the database alone.

        Raises JobNotFound, and Conflict for a job that has not ended.
        """
        return self._ledger.at_rest(plain_id(id), act)

    def events_after(self, id: str, seq: int = 0, limit: int = 500) -> list[JobEvent]:
        """What happened to the job after the event of that number. Raises JobNotFound."""
        return self._ledger.events(plain_id(id), seq, limit)

    def health(self) -> dict[str, int]:
        """How many jobs are in each state, and what the queue knows of its workers."""
        return {**self._ledger.counts(), **self._queue.health()}

    def _usual(self, kind: str) -> JobLimits:
        own = self._kinds[kind].limits
        if own is None or own.hard < self._limits.hard:
            return self._limits
        return replace(own, max_attempts=self._limits.max_attempts)

    def _order(self, wish: Wish) -> JobOrder:
        return JobOrder(wish.kind, self._kinds[wish.kind].write(wish.payload), wish.model, wish.id)

    def _wake(self, id: str) -> bool:
        try:
            self._queue.wake(id)
        except Exception as error:  # noqa: BLE001 - a broker's client raises what it likes
            _log.warning("no worker could be woken; the reaper tries again", job_id=id, reason=type(error).__name__)
            return False
        return True
