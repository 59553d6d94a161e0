"""Where a caller stands: what all processes counted together, or this one alone where that cannot be known."""

from __future__ import annotations

import time
from collections.abc import Sequence

from imagequarry.surfaces.rate_limits.counts import Counts, Standing, Window
from imagequarry.surfaces.rate_limits.shared import SharedCounts


class Limiter:
    """Counts the requests of callers. Use it on one event loop."""

    def __init__(self, windows: Sequence[Window], shared: SharedCounts | None = None) -> None:
        self._own = Counts(windows)
        self._shared = shared
        # How many requests this process refused, by the seconds of the window that was full.
        self.refused = {window.seconds: 0 for window in windows}

    async def hit(self, caller: str) -> Standing:
        """Count a request, unless it is one too many."""
        standing = await self._counted(caller)
        if not standing.allowed:
            self.refused[standing.window.seconds] += 1
        return standing

    def look(self, caller: str) -> Standing:
        """Where the caller stands as far as this process knows; it asks nobody, since health probes do it."""
        return self._own.look(caller, time.time())

    async def close(self) -> None:
        """Give connections back."""
        if self._shared:
            await self._shared.close()

    async def _counted(self, caller: str) -> Standing:
        shared = await self._shared.hit(caller) if self._shared else None
        if shared is None:
            return self._own.hit(caller, time.time())
        if shared.allowed:
            # So that nobody starts anew when Redis fails.
            self._own.hit(caller, time.time())
        return shared
