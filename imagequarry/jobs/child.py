"""The inside of a child process that works for a supervisor.

Its standard input wakes it, a line each, and says by its end that the supervisor is gone: then it leaves at once,
so no child outlives its server. On its standard output it tells which job it works on, a line of JSON each.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from typing import IO, Any

import structlog

from imagequarry.domain.job import Job
from imagequarry.errors import Busy, StorageFailure
from imagequarry.jobs.runner import Runner

_log = structlog.stdlib.get_logger(__name__)

_LOOK_SECONDS = 0.3
_AWAY_SECONDS = 1.0


def claim_standard_output() -> IO[str]:
    """The supervisor's pipe, for this module alone: what else is printed goes to standard error from now on.

    Call it first, before anything is imported that might print.
    """
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return reports


def serve(runner: Runner[Any], reports: IO[str]) -> None:
    """Work until the supervisor closes the pipe. Never returns."""
    woken = threading.Event()
    threading.Thread(target=_listen, args=(woken,), name="supervisor", daemon=True).start()
    _tell(reports, {"ready": os.getpid()})

    def started(job: Job) -> None:
        _tell(reports, asdict(job.claim))

    while True:
        woken.clear()
        try:
            if runner.run(started=started):
                _tell(reports, {})
                continue
        except (StorageFailure, Busy) as error:
            _log.warning("the ledger of jobs cannot be asked; trying again", reason=error.message)
            time.sleep(_AWAY_SECONDS)
        woken.wait(_LOOK_SECONDS)


def _listen(woken: threading.Event) -> None:
    while sys.stdin.buffer.readline():
        woken.set()
    os._exit(0)


def _tell(reports: IO[str], what: dict[str, Any]) -> None:
    try:
        reports.write(json.dumps(what) + "\n")
    except OSError:  # the supervisor is gone
        os._exit(0)
