"""How long work tells of itself, and is told to stop."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Share:
    """For a part of longer work: what it tells of itself, 0..1, is ``start``..``end`` of the whole."""

    whole: Watch
    start: float
    end: float

    def progress(self, fraction: float, message: str = "") -> None:
        self.whole.progress(self.start + (self.end - self.start) * fraction, message)

    def check(self) -> None:
        self.whole.check()
