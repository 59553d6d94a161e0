"""Puts the parts of job keeping together, for servers, workers and commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from imagequarry.domain.job import JobLimits
from imagequarry.errors import JobNotFound
from imagequarry.jobs.bells import Bell, RedisBell
from imagequarry.jobs.board import Board
from imagequarry.jobs.events import Events
from imagequarry.jobs.kinds import Kind, Kinds
from imagequarry.jobs.queues import Queue
from imagequarry.jobs.queues.celery import CeleryQueue, application
from imagequarry.jobs.queues.children import ChildQueue
from imagequarry.jobs.queues.embedded import ThreadQueue
from imagequarry.jobs.reaper import Reaper
from imagequarry.jobs.runner import Runner
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.ledger_upkeep import Upkeep

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What the settings say about jobs. ``child_command`` starts a process that ends in ``child.serve``."""

    queue: Literal["embedded", "celery"] = "embedded"
    isolation: Literal["thread", "process"] = "thread"
    workers: int = 1
    limits: JobLimits = field(default_factory=JobLimits)
    queue_length: int = 1000
    retention_hours: float | None = None
    redis_url: str | None = field(default=None, repr=False)
    broker_url: str = field(default="redis://localhost:6379/1", repr=False)
    child_command: Sequence[str] = ()
    lease_seconds: float = 20.0
    dispatch_seconds: float = 20.0
    grace_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Machinery:
    """``board`` and ``events`` are for surfaces; ``start`` begins the work and ``close`` ends it."""

    board: Board
    events: Events
    queue: Queue
    reaper: Reaper
    bell: Bell

    def start(self) -> None:
        """Start the workers, where the queue has any, and the reaper."""
        self.queue.start()
        self.reaper.start()

    def close(self) -> None:
        """Stop both; what runs is put back. Call it before the database is closed."""
        self.reaper.close()
        self.queue.close()
        self.bell.close()


def machinery(database: Database, kinds: Iterable[Kind[T]], tools: T, settings: JobSettings) -> Machinery:
    """Everything a server needs. Nothing runs before its ``start``."""
    known = Kinds(kinds)
    bell = _bell(settings, listen=True)
    journal = Journal(database, bell.ring)
    ledger, claims = Ledger(journal), Claims(journal, settings.lease_seconds)
    queue = _queue(settings, claims, known, tools)

    def forget(id: str) -> None:
        with suppress(JobNotFound):  # somebody else deleted it in this moment
            for job in ledger.family(id):
                known.forget(job, tools)

    return Machinery(
        board=Board(ledger, queue, known, settings.limits, settings.queue_length, forget),
        events=Events(ledger, bell),
        queue=queue,
        reaper=Reaper(
            Upkeep(journal),
            queue,
            settings.retention_hours,
            dispatch_seconds=settings.dispatch_seconds,
            patience_seconds=settings.lease_seconds,
            forget=forget,
        ),
        bell=bell,
    )


def runner(database: Database, kinds: Iterable[Kind[T]], tools: T, settings: JobSettings) -> Runner[T]:
    """What a Celery worker or a child process needs: it works and does nothing else."""
    bell = _bell(settings, listen=False)
    return Runner(Claims(Journal(database, bell.ring), settings.lease_seconds), Kinds(kinds), tools)


def _bell(settings: JobSettings, *, listen: bool) -> Bell:
    if settings.redis_url is None:
        return Bell()
    return RedisBell(settings.redis_url, listen=listen)


def _queue(settings: JobSettings, claims: Claims, kinds: Kinds[Any], tools: Any) -> Queue:
    if settings.queue == "celery":
        return CeleryQueue(application(settings.broker_url))
    if settings.isolation == "process":
        return ChildQueue(settings.child_command, claims, settings.workers, settings.grace_seconds)
    return ThreadQueue(Runner(claims, kinds, tools), settings.workers)
