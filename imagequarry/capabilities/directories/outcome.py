"""What became of a folder's files: counted exactly, named as far as anybody reads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

# Ids and paths beyond that are counted and not named: a result is kept in the ledger and sent as one reply.
MOST_NAMED = 10_000
_MOST_REASONS = 100


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file, or a folder on the way, that could not be read; ``path`` as far as it is text, ``reason`` a sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """``processed`` + ``skipped`` + ``failed`` is ``total``; at most 10,000 of the processed and failed are named."""

    total: int
    processed: int
    skipped: int
    failed: int
    processed_ids: tuple[str, ...] = field(repr=False)
    failed_files: tuple[FailedFile, ...] = field(repr=False)
    seconds: float

    def reply(self) -> dict[str, Any]:
        """The fields of document B, and why the first hundred files failed."""
        return {
            "total_files": self.total,
            "processed": self.processed,
            "skipped": self.skipped,
            "failed": self.failed,
            "processed_ids": list(self.processed_ids),
            "failed_files": [file.path for file in self.failed_files],
            "failure_reasons": {file.path: file.reason for file in self.failed_files[:_MOST_REASONS]},
            "processing_time": round(self.seconds, 2),
        }


class Tally:
    """The count while it grows; whoever stops the work in the middle reads it too."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._processed = 0
        self._skipped = 0
        self._failed = 0
        self._ids: list[str] = []
        self._failures: list[FailedFile] = []

    @property
    def done(self) -> int:
        """How many files are dealt with, in whatever way."""
        return self._processed + self._skipped + self._failed

    def processed(self, id: str) -> None:
        self._processed += 1
        if len(self._ids) < MOST_NAMED:
            self._ids.append(id)

    def skipped(self) -> None:
        self._skipped += 1

    def failed(self, file: FailedFile) -> None:
        self._failed += 1
        if len(self._failures) < MOST_NAMED:
            self._failures.append(file)

    def outcome(self) -> Outcome:
        """The count as it stands."""
        seconds = time.monotonic() - self._began
        return Outcome(
            self.done, self._processed, self._skipped, self._failed, tuple(self._ids), tuple(self._failures), seconds
        )
