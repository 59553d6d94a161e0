"""Threads of the server that do the work: no broker, and the loaded models are shared with the routes."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog

from imagequarry.errors import Busy, StorageFailure
from imagequarry.jobs.runner import Runner

_log = structlog.stdlib.get_logger(__name__)

_LOOK_SECONDS = 1.0
_CLOSE_SECONDS = 5.0


class ThreadQueue:
    """Runs jobs in ``workers`` threads. Code that never returns keeps its thread: a thread cannot be killed."""

    def __init__(self, runner: Runner[Any], workers: int = 1) -> None:
        self._runner = runner
        self._workers = workers
        self._wakened = threading.Condition()
        self._wake_ups = 0
        self._closing = False
        self._threads: list[threading.Thread] = []

    def wake(self, job_id: str) -> None:
        with self._wakened:
            self._wake_ups += 1
            self._wakened.notify()

    def room(self) -> int:
        return 0

    def start(self) -> None:
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"job worker {number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        with self._wakened:
            self._closing = True
            self._wakened.notify_all()
        self._runner.stop(_CLOSE_SECONDS)
        for thread in self._threads:
            thread.join(0.5)

    def health(self) -> dict[str, int]:
        return {"workers": len(self._threads), "stuck": self._runner.stuck()}

    def _work(self) -> None:
        away = False
        while not self._closing:
            seen = self._wake_ups  # before looking: a wake-up in between must not be slept through
            try:
                found = self._runner.run()
                away = False
            except (StorageFailure, Busy) as error:
                if not away:
                    _log.warning("the ledger of jobs cannot be asked; trying again", reason=error.message)
                found, away = False, True
                time.sleep(_LOOK_SECONDS)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the worker
                _log.exception("a worker stumbled")
                found = False
                time.sleep(_LOOK_SECONDS)
            if not found:
                self._sleep(seen)

    def _sleep(self, seen: int) -> None:
        with self._wakened:
            self._wakened.wait_for(lambda: self._closing or self._wake_ups != seen, _LOOK_SECONDS)
