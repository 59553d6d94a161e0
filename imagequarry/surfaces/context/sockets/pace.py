"""How fast a client may talk: a token bucket."""

from __future__ import annotations

import time


class Pace:
    """So many messages a second, and so many at once after a pause."""

    def __init__(self, per_second: float, at_once: int) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._left = float(at_once)
        self._last = time.monotonic()

    def allows(self) -> bool:
        """Whether one more message is within the pace."""
        now = time.monotonic()
        self._left = min(self._at_once, self._left + (now - self._last) * self._per_second)
        self._last = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
