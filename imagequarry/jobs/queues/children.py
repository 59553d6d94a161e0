"""Child processes that do the work, and a supervisor that can end what a thread cannot: code that never returns."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import structlog

from imagequarry.domain.job import CANCELLED, Claim, JobError
from imagequarry.errors import Busy, StorageFailure
from imagequarry.stores.ledger_claims import Claims

_log = structlog.stdlib.get_logger(__name__)

_LOOK_SECONDS = 0.5
# A child that dies young is not started again at once.
_YOUNG_SECONDS = 3.0


class ChildQueue:
    """Runs jobs in ``workers`` processes, each started by ``command``, which ends in ``child.serve``.

    A child that dies is replaced and its job given free at once. One that holds on to a job that is cancelled, or
    past its hard limit, is killed after ``grace_seconds``.
    """

    def __init__(
        self,
        command: Sequence[str],
        claims: Claims,
        workers: int = 1,
        grace_seconds: float = 5.0,
    ) -> None:
        self._children = [_Child(command, claims, grace_seconds) for _ in range(workers)]
        self._next = 0

    def wake(self, job_id: str) -> None:
        idle = [child for child in self._children if child.is_idle]
        if idle:
            self._next += 1
            idle[self._next % len(idle)].wake()

    def room(self) -> int:
        return 0

    def start(self) -> None:
        for child in self._children:
            child.start()

    def close(self) -> None:
        for child in self._children:
            child.close()
        for child in self._children:
            child.join()

    def health(self) -> dict[str, int]:
        return {"workers": len(self._children), "stuck": sum(child.is_stuck for child in self._children)}


class _Child:
    """One place for a child, and the thread that watches over whoever has it."""

    def __init__(self, command: Sequence[str], claims: Claims, grace_seconds: float) -> None:
        self._command = list(command)
        self._claims = claims
        self._grace = grace_seconds
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._claim: Claim | None = None
        self._ready = False
        self._unwanted_since: float | None = None
        self._thread = threading.Thread(target=self._watch, name="job supervisor", daemon=True)

    @property
    def is_idle(self) -> bool:
        return self._ready and self._claim is None

    @property
    def is_stuck(self) -> bool:
        return self._unwanted_since is not None

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                # One that is dying need not hear it: the one that replaces it looks for itself.
                with suppress(OSError, ValueError):
                    self._process.stdin.write("\n")
                    self._process.stdin.flush()

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()

    def join(self) -> None:
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._closing.is_set():
            born = time.monotonic()
            try:
                self._live()
            except OSError as error:
                _log.error("a worker process could not be started", reason=str(error))
            if time.monotonic() - born < _YOUNG_SECONDS:
                self._closing.wait(_YOUNG_SECONDS)

    def _live(self) -> None:
        """The life of one process."""
        self._claim, self._ready, self._unwanted_since = None, False, None
        with subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            with self._lock:
                self._process = process
            if self._closing.is_set():
                process.kill()
            reader = threading.Thread(target=self._read, args=(process,), name="job reports", daemon=True)
            reader.start()
            while process.poll() is None:
                self._look(process)
                # Ends with the reader, and so with the process, not with the next look.
                reader.join(_LOOK_SECONDS)
                if not reader.is_alive():
                    process.wait()
            with self._lock:
                self._process = None
            self._ready = False
            reader.join(1)
        if self._claim is not None:
            self._bury(self._claim, process.returncode)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "ready" in said:
                self._ready = True
            else:
                self._claim = Claim(**said) if said else None

    def _look(self, process: subprocess.Popen[str]) -> None:
        claim = self._claim
        if claim is None:
            self._unwanted_since = None
            return
        try:
            standing = self._claims.standing(claim)
        except (StorageFailure, Busy):
            return
        if standing == "held" or claim is not self._claim:
            self._unwanted_since = None
            return
        now = time.monotonic()
        self._unwanted_since = self._unwanted_since or now
        if now - self._unwanted_since >= self._grace:
            _log.warning(
                "a worker process holds on to a job that is not its own any more; it is killed", **asdict(claim)
            )
            process.kill()

    def _bury(self, claim: Claim, code: int) -> None:
        """Give the dead child's job free, unless it had ended."""
        try:
            if self._claims.standing(claim) == "unwanted":
                self._claims.cancelled(claim, JobError(CANCELLED, "The job was cancelled."))
            elif self._closing.is_set():
                self._claims.postpone(claim, 0.0, counts=False)
            elif self._claims.forsake(claim):
                _log.warning("a worker process died in the middle of a job", code=code, **asdict(claim))
        except (StorageFailure, Busy) as error:
            _log.warning("the job of a dead worker process waits for its lease", reason=error.message)
