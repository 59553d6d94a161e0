"""What the server keeps in files, for who looks after it: how full the disks are and what lies in the folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imagequarry.ops import folders
from imagequarry.ops.folders import Disk, Footprint, Listing

Listed = Literal["uploads", "results"]

# Below this the next upload may be the one that fails.
_LEAST_FREE_BYTES = 2**30
_LEAST_FREE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class StorageReport:
    """``state``: unhealthy where a folder cannot be written, degraded where a disk is nearly full."""

    state: Literal["healthy", "degraded", "unhealthy"]
    uploads: Footprint
    results: Footprint
    logs: Footprint


class Storage:
    """The folders of pictures that came in (two, unless ``UPLOAD_DIR`` makes them one), of results and of logs."""

    def __init__(self, uploads: Sequence[Path], results: Path, logs: Path) -> None:
        self._uploads = tuple(dict.fromkeys(uploads))
        self._results = results
        self._logs = logs

    def disks(self) -> tuple[Disk, Disk]:
        """The disk of what comes in and that of results."""
        return folders.disk(self._uploads[0]), folders.disk(self._results)

    def listing(self, which: Listed, limit: int) -> Listing:
        """What lies in a folder. Of the folders of uploads the second shows its name before each entry's."""
        if which == "results":
            return folders.listing([("", self._results)], limit)
        first, *others = self._uploads
        return folders.listing([("", first), *((f"{folder.name}/", folder) for folder in others)], limit)

    def report(self) -> StorageReport:
        """How much the folders hold, and whether there is room for more."""
        held = Footprint()
        for folder in self._uploads:
            held += folders.contents(folder)
        return StorageReport(self._state(), held, folders.contents(self._results), folders.contents(self._logs))

    def _state(self) -> Literal["healthy", "degraded", "unhealthy"]:
        written = (*self._uploads, self._results, self._logs)
        if not all(os.access(folder, os.W_OK | os.X_OK) for folder in written if folder.exists()):
            return "unhealthy"
        disks = [folders.disk(folder) for folder in written]
        full = any(disk.free < min(_LEAST_FREE_BYTES, disk.total * _LEAST_FREE_SHARE) for disk in disks)
        return "degraded" if full else "healthy"
