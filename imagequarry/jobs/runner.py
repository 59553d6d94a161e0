"""Runs one job, from its claim to its end: the same in a thread, in a child process and in a Celery task."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

from imagequarry.domain.job import CANCELLED, INTERNAL, TIMEOUT, Job, JobError
from imagequarry.errors import Busy, Cancelled, InvalidInput, QuarryError, StorageFailure
from imagequarry.jobs.context import Context, Interrupted, LostLease, SoftTimeout
from imagequarry.jobs.heartbeat import beating
from imagequarry.jobs.kinds import Kinds
from imagequarry.stores.ledger_claims import Claims

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

# A job that ended while the database is away waits that long to say so; then its lease decides.
_SETTLE_SECONDS = 120.0
_BACK_OFF_SECONDS = 2.0


class Runner(Generic[T]):
    """Claims jobs and runs them with the tools. Threads may share one."""

    def __init__(self, claims: Claims, kinds: Kinds[T], tools: T) -> None:
        self._claims = claims
        self._kinds = kinds
        self._tools = tools
        self._contexts: set[Context] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, job_id: str | None = None, started: Callable[[Job], None] | None = None) -> bool:
        """Run that job if it waits, or the oldest that does; whether there was one. ``started`` hears of the claim.

        Nothing a job does is raised from here. Raises StorageFailure or Busy when the ledger cannot be asked.
        """
        if self._stopping:
            return False
        job = self._claims.take(worker_name(), job_id)
        if job is None:
            return False
        if started is not None:
            started(job)
        context = Context(job, self._claims)
        with self._lock:
            self._contexts.add(context)
            if self._stopping:
                context.interrupt()
        try:
            with structlog.contextvars.bound_contextvars(job_id=job.id, kind=job.kind):
                self._run(context)
        finally:
            with self._lock:
                self._contexts.discard(context)
        return True

    def stop(self, seconds: float) -> None:
        """Take no more jobs, ask those that run to stop, and put those back that did not in that time."""
        with self._lock:
            self._stopping = True
            running = list(self._contexts)
        for context in running:
            context.interrupt()
        end = time.monotonic() + seconds
        while self._contexts and time.monotonic() < end:
            time.sleep(0.05)
        for context in running:
            if context in self._contexts:
                self._put_back(context.job)

    def stuck(self) -> int:
        """How many threads still work on a job that is no longer theirs."""
        with self._lock:
            return sum(context.lost for context in self._contexts)

    def _run(self, context: Context) -> None:
        job = context.job
        began = time.perf_counter()
        _log.info("the job starts", attempt=job.attempt)
        try:
            with beating(context, self._claims):
                result = self._result(context)
                self._settle(lambda: self._claims.complete(job.claim, result))
            _log.info("the job is done", duration_ms=round(1000 * (time.perf_counter() - began), 1))
        except LostLease:
            _log.warning("the job is no longer ours; what it did is dropped")
        except Interrupted:
            self._put_back(job)
        except SoftTimeout as error:
            self._fail(job, JobError(TIMEOUT, error.message))
        except Cancelled as error:
            told = JobError(CANCELLED, error.message)
            self._settle(lambda: self._claims.cancelled(job.claim, told))
        except (StorageFailure, Busy) as error:
            self._again(job, error)
        except QuarryError as error:
            self._fail(job, JobError(code_of(error), error.message))
        except MemoryError:
            self._fail(job, JobError("OUT_OF_MEMORY", "There is not enough memory for this job."))
        except (Exception, SystemExit):  # noqa: BLE001 - whatever a job raises ends the job, never the worker
            _log.exception("the job failed by a fault of the program")
            self._fail(job, JobError(INTERNAL, "Something went wrong on the server."))

    def _result(self, context: Context) -> Any:
        kind = self._kinds[context.job.kind]
        if kind.run is None:
            raise InvalidInput(f"A job of kind {kind.name} cannot be run; it is a batch.")
        result = kind.run(context, kind.read(context.job.params), self._tools)
        json.dumps(result, allow_nan=False)  # a result that is no JSON is the kind's fault, not the database's
        return result

    def _again(self, job: Job, error: QuarryError) -> None:
        """The database or the disk was away, or all was busy: that passes."""
        if job.attempt >= job.limits.max_attempts:
            self._fail(job, JobError(code_of(error), error.message))
            return
        _log.warning("the job is put back", reason=error.message)
        self._settle(lambda: self._claims.postpone(job.claim, _BACK_OFF_SECONDS * 2 ** (job.attempt - 1)))

    def _fail(self, job: Job, error: JobError) -> None:
        _log.error("the job failed", code=error.code, reason=error.message)
        self._settle(lambda: self._claims.fail(job.claim, error))

    def _put_back(self, job: Job) -> None:
        try:
            self._claims.postpone(job.claim, 0.0, counts=False)
        except (StorageFailure, Busy):
            _log.warning("the job could not be put back; its lease will run out", job_id=job.id)

    def _settle(self, write: Callable[[], bool]) -> None:
        """Write the end of a job, and wait for a database that is away rather than do the work again."""
        end = time.monotonic() + _SETTLE_SECONDS
        while True:
            try:
                if not write():
                    _log.warning("the job is no longer ours; its end is dropped")
                return
            except (StorageFailure, Busy) as error:
                if time.monotonic() > end or self._stopping:
                    _log.error("the end of the job could not be stored; it will be run again", reason=error.message)
                    return
                time.sleep(0.5)


def worker_name() -> str:
    """This thread, as the ledger names the owner of a job."""
    return f"{socket.gethostname()[:200]}:{os.getpid()}:{threading.get_ident()}"


def code_of(error: QuarryError) -> str:
    """The error's class as a code: ``InvalidPicture`` is ``INVALID_PICTURE``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).upper()
