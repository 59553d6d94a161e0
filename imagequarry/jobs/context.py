"""What a job's function holds of its job: it tells how far it is, and learns when to stop."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog

from imagequarry.domain.job import Job
from imagequarry.errors import Busy, Cancelled, StorageFailure
from imagequarry.stores.ledger_claims import Claims, Standing

_log = structlog.stdlib.get_logger(__name__)

# Progress in between is dropped: nobody reads faster, and each one is a transaction.
_PROGRESS_SECONDS = 0.2
_CHECKPOINT_TRIES = 5


class SoftTimeout(Cancelled):
    """The job took longer than its soft limit."""


class LostLease(BaseException):
    """The job belongs to another worker by now, or to none. No ``Exception``, so that no function swallows it."""


class Interrupted(BaseException):
    """The worker stops and puts the job back. No ``Exception`` either."""


class Context:
    """Given to a job's function; a ``Watch``, so segmentation takes it too.

    ``checkpoint`` is what an earlier attempt left (None on the first). Every method may raise Cancelled, SoftTimeout,
    LostLease and Interrupted: let them pass. ``check`` costs nothing, so call it often.
    """

    def __init__(self, job: Job, claims: Claims) -> None:
        self.job = job
        self.checkpoint: Any = job.checkpoint
        self.lost = False
        self._deleted = False
        self._claims = claims
        self._soft = time.monotonic() + job.limits.soft
        self._cancelled = False
        self._interrupted = False
        self._next_progress = 0.0
        self._lock = threading.Lock()

    def progress(self, fraction: float, message: str = "", checkpoint: Any = None) -> None:
        """Say how far the job is, 0..1.

        A checkpoint (JSON) is kept before this returns, and before it raises because the job should stop: it may be
        the receipt of something paid for. Raises StorageFailure or Busy where it cannot be kept.
        """
        if checkpoint is not None:
            self._keep(fraction, message, checkpoint)
            self.check()
            return
        self.check()
        now = time.monotonic()
        with self._lock:  # a function may work in several threads
            if now < self._next_progress:
                return
            self._next_progress = now + _PROGRESS_SECONDS
        try:
            held = self._claims.progress(self.job.claim, fraction, message)
        except (StorageFailure, Busy) as error:
            _log.warning("progress was not stored", reason=error.message)
        else:
            self._hold(held)

    def log(self, message: str, level: str = "info") -> None:
        """Tell those who watch the job."""
        self.check()
        try:
            self._hold(self._claims.log(self.job.claim, level, message))
        except (StorageFailure, Busy) as error:
            _log.warning("a line for watchers was not stored", reason=error.message)

    def check(self) -> None:
        """Raise when the job should stop."""
        if self._deleted:
            raise Cancelled("The job was deleted.")
        if self.lost:
            raise LostLease
        if self._interrupted:
            raise Interrupted
        if self._cancelled:
            raise Cancelled("The job was cancelled.")
        if time.monotonic() > self._soft:
            raise SoftTimeout(f"The job took longer than its limit of {self.job.limits.soft:g} seconds.")

    def hear(self, standing: Standing) -> None:
        """What the heartbeat learned; the next ``check`` acts on it."""
        if standing in ("lost", "gone"):
            self.lost = True
            # Nobody else will ever have it, so it is called off like one that was cancelled.
            self._deleted = standing == "gone"
        elif standing == "unwanted":
            self._cancelled = True

    def interrupt(self) -> None:
        """Ask the function to stop, because the worker does."""
        self._interrupted = True

    def _keep(self, fraction: float, message: str, checkpoint: Any) -> None:
        for turn in range(_CHECKPOINT_TRIES):
            try:
                self._hold(self._claims.progress(self.job.claim, fraction, message, checkpoint))
            except (StorageFailure, Busy):
                if turn == _CHECKPOINT_TRIES - 1:
                    raise
                time.sleep(0.5 * 2**turn)
            else:
                self.checkpoint = checkpoint
                return

    def _hold(self, held: bool) -> None:
        if not held:
            self.lost = True
            self.hear(self._claims.standing(self.job.claim))
            self.check()
