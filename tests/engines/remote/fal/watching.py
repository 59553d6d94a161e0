"""A job as an engine sees it, for tests that look at what it was told and stop it at a moment of their choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Watched:
    """Keeps all that it is told. ``stop`` is asked at each check, and may raise; checkpoints are kept before that."""

    checkpoint: Any = None
    stop: Callable[[], None] = lambda: None
    told: list[tuple[float, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)

    def progress(self, fraction: float, message: str = "", checkpoint: Any = None) -> None:
        if checkpoint is not None:
            self.checkpoint = checkpoint
            self.kept.append(checkpoint)
        self.check()
        self.told.append((fraction, message))

    def log(self, message: str, level: str = "info") -> None:
        self.check()
        self.lines.append((level, message))

    def check(self) -> None:
        self.stop()

    @property
    def messages(self) -> list[str]:
        """What was said, repetitions left out."""
        return list(dict.fromkeys(message for _, message in self.told))
