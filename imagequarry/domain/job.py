"""Work that outlives the request that asked for it: what is known of a job, and of each change it went through."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from imagequarry.errors import InvalidInput

JobState = Literal["queued", "running", "completed", "failed", "cancelled"]
EndState = Literal["completed", "failed", "cancelled"]
EventType = Literal["queued", "started", "progress", "log", "completed", "failed", "cancelled"]

STATES: frozenset[JobState] = frozenset(get_args(JobState))
ENDED: frozenset[str] = frozenset(get_args(EndState))

_PREFIXES = ("task-", "export_")

TIMEOUT = "TIMEOUT"
WORKER_LOST = "WORKER_LOST"
CANCELLED = "CANCELLED"
INTERNAL = "INTERNAL"
NONE_COMPLETED = "NONE_COMPLETED"


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: a code for programs (``TIMEOUT``, ``INVALID_PICTURE``) and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Seconds after which a job is asked to stop (``soft``) and is given up (``hard``), and how often it may start."""

    soft: float = 540.0
    hard: float = 600.0
    max_attempts: int = 3

    def __post_init__(self) -> None:
        if not (0 < self.soft <= self.hard < 1e7) or not 1 <= self.max_attempts <= 1000:
            raise InvalidInput(
                "Limits are positive, the soft one is at most the hard one, and a job has a try or more."
            )


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What is asked for: a kind of job, its parameters (JSON), and the model it names, for lists.

    ``id`` is a UUID that its owner chose, where something else is kept under it too; None is a new one.
    """

    kind: str
    params: dict[str, Any]
    model: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to a job. The attempt belongs to it: in containers host, process and thread repeat."""

    id: str
    worker: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands in the ledger, without its result.

    ``progress`` is 0..1. ``attempt`` counts the starts. ``worker`` owns a running job until ``lease_until``.
    ``cancel`` is the wish to stop. ``checkpoint`` lets the next attempt resume. A batch has ``children`` > 0: it is
    never run itself, and ``children_completed`` + ``children_failed`` (cancelled ones are among these) is how many of
    them ended. A child has its ``position`` in the batch, from 0.
    """

    id: str
    kind: str
    params: dict[str, Any] = field(repr=False)
    state: JobState
    created: datetime
    limits: JobLimits
    parent_id: str | None = None
    position: int = 0
    model: str | None = None
    progress: float = 0.0
    message: str = ""
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = None
    cancel: bool = False
    checkpoint: Any = None
    started: datetime | None = None
    finished: datetime | None = None
    error: JobError | None = None
    children: int = 0
    children_completed: int = 0
    children_failed: int = 0

    @property
    def claim(self) -> Claim:
        """The right of the worker that has it."""
        return Claim(self.id, self.worker or "", self.attempt)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def is_batch(self) -> bool:
        return self.children > 0


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some of the jobs that match, and how many there are in all."""

    jobs: tuple[Job, ...]
    total: int


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job. ``seq`` grows from event to event of a job; it is what a watcher resumes from.

    ``data`` by type: progress ``{progress, message}`` (of a batch also ``{completed, failed, total}``), started
    ``{attempt}``, log ``{level, message}``, failed ``{code, message}``.
    """

    seq: int
    job_id: str
    at: datetime
    type: EventType
    data: dict[str, Any]

    @property
    def is_last(self) -> bool:
        """Whether the job ended with it; only a retry goes on after that."""
        return self.type in ENDED


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """An event, and what those who watch all jobs need to know of its job: ``progress`` (0..1) as it was when read."""

    event: JobEvent
    kind: str
    parent_id: str | None
    progress: float


def plain_id(text: str) -> str:
    """The id itself: callers may write ``task-`` before it, even twice, and ``export_`` as exports are named."""
    while text.startswith(_PREFIXES):
        text = text.removeprefix(_PREFIXES[0]).removeprefix(_PREFIXES[1])
    return text
