"""Who computes first: a click goes before the batches of a search, and searches go one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from imagequarry.domain.watch import Watch
from imagequarry.errors import Busy

# A search that always gave way would never end beside somebody who clicks without pause.
_PATIENCE_SECONDS = 1.0
_POLL_SECONDS = 0.2
# Each holds a thread; three quarters of those that serve requests.
MOST_WAITING = 150


class Turns:
    """Clicks start at once; a search waits between its batches while a click is being answered.

    So a click competes with one batch at most, whatever searches are under way.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._clicks = 0
        self._waiting = 0
        self._searching = threading.Lock()

    @contextmanager
    def click(self) -> Iterator[None]:
        """Answer prompts: those who search make room."""
        with self._changed:
            self._clicks += 1
        try:
            yield
        finally:
            with self._changed:
                self._clicks -= 1
                self._changed.notify_all()

    @contextmanager
    def search(self, watch: Watch) -> Iterator[Watch]:
        """Search when the searches before have ended; the watch to hand to the engine, which gives way when asked.

        Raises ``Busy`` when too many wait already.
        """
        self._wait_for_turn(watch)
        try:
            yield _Polite(self, watch)
        finally:
            self._searching.release()

    def _wait_for_turn(self, watch: Watch) -> None:
        with self._changed:
            if self._waiting >= self._most_waiting:
                raise Busy("Too many searches wait already; try again later.")
            self._waiting += 1
        try:
            while not self._searching.acquire(timeout=_POLL_SECONDS):
                watch.check()
        finally:
            with self._changed:
                self._waiting -= 1

    def give_way(self) -> None:
        """Wait while clicks are being answered, but not for ever."""
        until = time.monotonic() + _PATIENCE_SECONDS
        with self._changed:
            while self._clicks and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)


class _Polite:
    """A watch that gives way to clicks whenever the engine asks it."""

    def __init__(self, turns: Turns, watch: Watch) -> None:
        self._turns = turns
        self._watch = watch

    def progress(self, fraction: float, message: str = "") -> None:
        self._watch.progress(fraction, message)

    def check(self) -> None:
        self._watch.check()
        self._turns.give_way()
