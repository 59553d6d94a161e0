"""How long work tells of itself, and is told to stop."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Handed to work that takes long; called often, so cheap."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how far the work is, 0..1."""
        ...

    def check(self) -> None:
        """Raise ``Cancelled`` when the work is no longer wanted."""
        ...


class Unwatched:
    """For work that nobody follows and nobody stops."""

    def progress(self, fraction: float, message: str = "") -> None:
        pass

    def check(self) -> None:
        pass
