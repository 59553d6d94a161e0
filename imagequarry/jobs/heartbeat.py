"""A thread beside a running job that keeps its lease and learns whether it is still wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from imagequarry.errors import Busy, StorageFailure
from imagequarry.jobs.context import Context
from imagequarry.stores.ledger_claims import Claims

_log = structlog.stdlib.get_logger(__name__)

# How soon a wish to cancel is heard; looking is one read of one row.
_LOOK_SECONDS = 0.5


@contextmanager
def beating(context: Context, claims: Claims) -> Iterator[None]:
    """Keep the lease of the context's job while the block runs."""
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(context, claims, done), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _beat(context: Context, claims: Claims, done: threading.Event) -> None:
    every = claims.lease_seconds / 3
    renew_at = time.monotonic() + every
    while not (context.lost or done.wait(min(_LOOK_SECONDS, every))):
        try:
            if time.monotonic() >= renew_at:
                standing = claims.renew(context.job.claim)
                renew_at = time.monotonic() + every
            else:
                standing = claims.standing(context.job.claim)
        except (StorageFailure, Busy) as error:
            # The database is away: whether the job is still ours, the row will say.
            _log.warning("the heartbeat of a job was not heard", job_id=context.job.id, reason=error.message)
            continue
        if not done.is_set():
            context.hear(standing)
