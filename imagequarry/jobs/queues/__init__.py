"""How workers learn that there is work. The ledger holds the jobs; a queue only wakes."""

from __future__ import annotations

from typing import Protocol


class Queue(Protocol):
    """Wakes workers. A wake-up that is lost costs time and nothing else: the reaper repeats it."""

    def wake(self, job_id: str) -> None:
        """Say that the job waits. Raises when nobody can be told; never waits long."""
        ...

    def room(self) -> int:
        """How many lost wake-ups it is of use to repeat now; 0 where workers look for themselves."""
        ...

    def start(self) -> None:
        """Begin to work, where the queue has workers of its own."""
        ...

    def close(self) -> None:
        """Take no more work; what runs is put back for others when it does not end soon."""
        ...

    def health(self) -> dict[str, int]:
        """Numbers for health pages: ``workers``, and those that are ``stuck`` in a job that is no longer theirs."""
        ...
