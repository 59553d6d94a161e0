"""Work that is done once although several ask for it at the same time: who comes second waits and finds it done."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from imagequarry.domain.watch import Watch

_POLL_SECONDS = 0.2


class Claims:
    """Names of work that somebody in this process is at."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[str] = set()

    @contextmanager
    def of(self, names: Iterable[str], watch: Watch) -> Iterator[frozenset[str]]:
        """Those of the names that nobody else is at, at least one; ours until the block ends.

        Who wants several takes what is free, ends that, and comes again for the rest: so nobody who waits holds
        anything, and no two wait for each other. What ``watch`` raises ends the waiting.
        """
        wanted = frozenset(names)
        with self._changed:
            while not (mine := wanted - self._taken):
                self._changed.wait(_POLL_SECONDS)
                watch.check()
            self._taken |= mine
        try:
            yield mine
        finally:
            with self._changed:
                self._taken -= mine
                self._changed.notify_all()
