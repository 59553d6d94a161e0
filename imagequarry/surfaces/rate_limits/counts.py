"""The counts of one process: when each caller asked, and what that leaves in every window.

``limits`` counts in memory too, but with a task for each request and no bound on the callers that it remembers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

# Some 80 MB where each of them asked a thousand times within the hour.
_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """So many requests within so many seconds, whenever they begin."""

    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands in a window: ``reset`` is when the oldest request that counts leaves it, since 1970."""

    window: Window
    remaining: int
    reset: float
    allowed: bool = True


def tightest(standings: Sequence[Standing]) -> Standing:
    """The one that leaves the fewest requests; of several, the one that does so the longest."""
    return min(standings, key=lambda standing: (standing.remaining, -standing.reset))


class Counts:
    """Remembers the times of requests, of so many callers: beyond that, whoever was silent the longest is forgotten.

    ``now`` is in seconds since 1970, everywhere.
    """

    def __init__(self, windows: Sequence[Window], callers: int = _CALLERS) -> None:
        self._windows = windows
        self._longest = max(window.seconds for window in windows)
        self._callers = callers
        self._asked: OrderedDict[str, array[float]] = OrderedDict()

    def hit(self, caller: str, now: float) -> Standing:
        """Count a request where every window has room for it; one that is refused does not count."""
        times = self._asked.setdefault(caller, array("d"))
        self._asked.move_to_end(caller)
        if len(self._asked) > self._callers:
            self._asked.popitem(last=False)
        # The times are in order, also when the clock was put back.
        now = max(now, times[-1]) if times else now
        self._forget(times, now)
        before = self._tightest(times, now)
        if before.remaining <= 0:
            return Standing(before.window, 0, before.reset, allowed=False)
        times.append(now)
        return self._tightest(times, now)

    def look(self, caller: str, now: float) -> Standing:
        """Where the caller stands, and count nothing."""
        return self._tightest(self._asked.get(caller, array("d")), now)

    def _tightest(self, times: array[float], now: float) -> Standing:
        standings = []
        for window in self._windows:
            first = bisect_left(times, now - window.seconds)
            reset = times[first] + window.seconds if first < len(times) else now
            standings.append(Standing(window, max(0, window.requests - (len(times) - first)), reset))
        return tightest(standings)

    def _forget(self, times: array[float], now: float) -> None:
        gone = bisect_left(times, now - self._longest)
        # All that follow move up, so not for each one.
        if gone > len(times) // 2:
            del times[:gone]
