"""What stays open long after its request (WebSockets, event streams), and the wish that all of it should end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from imagequarry.errors import Busy


class Streams:
    """Knows the open streams of a process. May be used from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: list[Callable[[], None]] = []
        self._closing = False

    @property
    def closing(self) -> bool:
        """Whether the server is about to end."""
        return self._closing

    @contextmanager
    def opened(self, end: Callable[[], None]) -> Iterator[None]:
        """Count a stream as open. ``end`` is called once, from some thread, when it should end; it must not wait.

        Raises Busy when the server ends already.
        """
        with self._changed:
            if self._closing:
                raise Busy("The server is shutting down.")
            self._ends.append(end)
        try:
            yield
        finally:
            with self._changed:
                self._ends.remove(end)
                self._changed.notify_all()

    def close(self) -> None:
        """Ask every stream to end, and let none begin."""
        with self._changed:
            self._closing = True
            called = list(self._ends)
        for end in called:
            with suppress(RuntimeError):  # its event loop is gone, and the stream with it
                end()

    def wait(self, seconds: float) -> bool:
        """Wait so long for all to be over, and say whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._ends, seconds)
