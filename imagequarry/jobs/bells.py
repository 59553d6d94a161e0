"""Tells watchers in all processes that something happened to a job; what happened, they read in the ledger.

A bell is a hint: it may be lost, and the ledger is looked at from time to time anyway. So nothing is queued for a
watcher, and a slow one holds up nobody.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import structlog

_log = structlog.stdlib.get_logger(__name__)

CHANNEL = "imagequarry:jobs"

# Under it listen those who mean every job; no job has such an id.
_EVERY = "*"


class Bell:
    """Rings within this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    def ring(self, job_id: str) -> None:
        """Call those who listen for the job or for all. Raises nothing and waits for nobody."""
        with self._lock:
            called = [*self._listeners.get(job_id, ()), *self._listeners.get(_EVERY, ())]
        for call in called:
            try:
                call()
            except Exception:  # noqa: BLE001 - one watcher's fault must not reach the job or the next watcher
                _log.exception("a watcher could not be told")

    @contextmanager
    def listening(self, job_id: str, call: Callable[[], None]) -> Iterator[None]:
        """Have ``call`` called, from any thread, when something happens to the job; it must not wait."""
        with self._lock:
            self._listeners[job_id].append(call)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[job_id].remove(call)
                if not self._listeners[job_id]:
                    del self._listeners[job_id]

    def listening_to_all(self, call: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``call`` called, from any thread, when something happens to any job; it must not wait."""
        return self.listening(_EVERY, call)

    def close(self) -> None:
        """Nothing to give back."""


class RedisBell(Bell):
    """Rings in every process that shares a Redis. While Redis is away, watchers are as quick as they look."""

    def __init__(self, url: str, *, listen: bool = True) -> None:
        super().__init__()
        import redis

        self._fault = redis.RedisError, OSError
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=2.0)
        self._closing = threading.Event()
        self._quiet_until = 0.0
        if listen:
            threading.Thread(target=self._hear, name="job bell", daemon=True).start()

    def ring(self, job_id: str) -> None:
        super().ring(job_id)
        if time.monotonic() < self._quiet_until:
            return
        try:
            self._redis.publish(CHANNEL, job_id)
        except self._fault:
            # Each try costs a time-out, and a ring is only a hint.
            self._quiet_until = time.monotonic() + 5.0

    def close(self) -> None:
        self._closing.set()
        self._redis.close()

    def _hear(self) -> None:
        while not self._closing.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as heard:  # type: ignore[no-untyped-call]
                    heard.subscribe(CHANNEL)
                    while not self._closing.is_set():
                        message = heard.get_message(timeout=1.0)
                        if message is not None:
                            super().ring(message["data"].decode(errors="replace"))
            except (*self._fault, ValueError):
                self._closing.wait(1.0)
