"""Looks after the ledger every second: workers that died, limits that passed, wake-ups that were lost, old jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from imagequarry.errors import Busy, StorageFailure
from imagequarry.jobs.queues import Queue
from imagequarry.stores.ledger_upkeep import Upkeep

_log = structlog.stdlib.get_logger(__name__)

_PURGE_SECONDS = 300.0


class Reaper:
    """A thread of each server. Any number of them do no more than one.

    After the database was away, no job is taken from its worker for ``patience_seconds``: the length of a lease.
    ``forget`` removes what an old job keeps outside the ledger.
    """

    def __init__(
        self,
        upkeep: Upkeep,
        queue: Queue,
        retention_hours: float | None = None,
        every_seconds: float = 1.0,
        dispatch_seconds: float = 20.0,
        patience_seconds: float = 20.0,
        forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._upkeep = upkeep
        self._queue = queue
        self._retention = retention_hours
        self._every = every_seconds
        self._dispatch = dispatch_seconds
        self._forget = forget
        self._patience = patience_seconds
        self._reap_at = 0.0
        self._purge_at = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="job reaper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def look(self) -> None:
        """Do once what the thread does every second."""
        if time.monotonic() >= self._reap_at:
            for id in self._upkeep.reap():
                self._wake(id)
        if self._retention is not None and time.monotonic() >= self._purge_at:
            removed = self._upkeep.purge(self._retention, self._forget)
            self._purge_at = time.monotonic() + _PURGE_SECONDS
            if removed:
                _log.info("old jobs were deleted", jobs=removed)
        try:
            room = self._queue.room()
        except Exception as error:  # noqa: BLE001 - a broker's client raises what it likes
            _log.warning("the broker cannot be asked", reason=type(error).__name__)
            return
        for id in self._upkeep.dispatch(room, self._dispatch):
            if not self._wake(id):
                return

    def _wake(self, id: str) -> bool:
        try:
            self._queue.wake(id)
        except Exception as error:  # noqa: BLE001 - a broker's client raises what it likes
            _log.warning("no worker could be woken; trying again later", reason=type(error).__name__)
            return False
        return True

    def _watch(self) -> None:
        while not self._closing.wait(self._every):
            try:
                self.look()
            except (StorageFailure, Busy) as error:
                # Leases ran out that nobody could renew: their owners get the time to do so.
                self._reap_at = time.monotonic() + self._patience
                _log.warning("the ledger of jobs cannot be looked after; trying again", reason=error.message)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the reaper
                _log.exception("the reaper stumbled")
