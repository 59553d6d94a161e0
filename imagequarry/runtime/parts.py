"""The parts of a server that runs, and how they begin and end."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.deduplication import Deduplication
from imagequarry.capabilities.description import Describer
from imagequarry.capabilities.directories import Directories
from imagequarry.capabilities.drive import Drive
from imagequarry.capabilities.gallery import Gallery
from imagequarry.capabilities.intake import Limits
from imagequarry.capabilities.meshes import Meshes
from imagequarry.capabilities.preloading import Preloading
from imagequarry.capabilities.prewarming import Prewarmer
from imagequarry.capabilities.roots import Roots
from imagequarry.capabilities.search import Search
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.capabilities.thumbnails import Thumbnails
from imagequarry.errors import Busy, QuarryError, StorageFailure
from imagequarry.jobs import indexing
from imagequarry.jobs.board import Board
from imagequarry.jobs.events import Events
from imagequarry.jobs.kinds import Tools
from imagequarry.jobs.machinery import Machinery
from imagequarry.jobs.model_files import ModelFiles
from imagequarry.jobs.model_orders import ModelOrders
from imagequarry.jobs.ordering import Orders
from imagequarry.jobs.watching import Watching
from imagequarry.models.registry import Registry
from imagequarry.ops.cleanup import Cleanup
from imagequarry.ops.health import Health
from imagequarry.ops.log_reports import LogReports
from imagequarry.ops.log_rotation import LogRotation
from imagequarry.ops.metrics import JobMetrics, Metrics
from imagequarry.ops.storage import Storage
from imagequarry.stores.database import Database
from imagequarry.stores.library import Library
from imagequarry.stores.vectors import Vectors

_log = structlog.stdlib.get_logger(__name__)

_SWEEP_SECONDS = 60.0
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Collection:
    """What surface B's statistics call the place where descriptions are kept."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the surfaces talk to. Made by ``assemble``; nothing runs before ``start``, nothing after ``close``."""

    registry: Registry
    segmentation: Segmentation
    archive: Archive
    health: Health
    metrics: Metrics
    limits: Limits
    results: Path
    drive: Drive
    prewarmer: Prewarmer
    board: Board
    events: Events
    watching: Watching
    orders: Orders
    model_orders: ModelOrders
    model_files: ModelFiles
    describer: Describer
    directories: Directories
    gallery: Gallery
    thumbnails: Thumbnails
    search: Search
    deduplication: Deduplication
    preloading: Preloading
    roots: Roots
    meshes: Meshes
    collection: Collection
    data: Path
    storage: Storage
    cleanup: Cleanup
    log_reports: LogReports
    log_rotation: LogRotation
    # The settings for people, without anything secret.
    shown_settings: Mapping[str, Any]
    # What makes surface C's masks: the SAM API where one is configured, else the default model.
    stored_masks_model: str | None
    tools: Tools = field(repr=False)
    database: Database = field(repr=False)
    _library: Library = field(repr=False)
    _vectors: Vectors = field(repr=False)
    _machinery: Machinery = field(repr=False)
    # Hours after which what jobs left goes; None: never.
    _retention_hours: float | None
    _job_metrics: JobMetrics = field(repr=False)
    _closing: threading.Event = field(default_factory=threading.Event, repr=False)

    def start(self) -> None:
        """Begin to work on jobs, and to unload what nobody uses."""
        threading.Thread(target=self._sweep, name="sweep", daemon=True).start()
        with suppress(StorageFailure, Busy):  # the first scrape does it
            self._job_metrics.begin()
        self._machinery.start()
        threading.Thread(target=self._mend, name="mend", daemon=True).start()

    def close(self) -> None:
        """End what runs and give connections and threads back; a job that runs is put back."""
        self._closing.set()
        self._machinery.close()
        self.prewarmer.close()
        self.drive.close()
        self._vectors.close()
        self.database.close()

    def _mend(self) -> None:
        """Build what searches lack, and have described again what was described by models of yesterday."""
        try:
            self._vectors.mend()
            indexing.renew(self.board, self.describer)
        except QuarryError as error:  # searches do with what there is, and the next start tries again
            _log.warning("vectors could not be brought up to date", reason=error.message)

    def _sweep(self) -> None:
        """Once a minute unload idle models and put log files aside; once a day remove files that nothing names."""
        next_files = 0.0
        while True:
            if time.monotonic() >= next_files:
                next_files = time.monotonic() + _DAY_SECONDS
                with suppress(StorageFailure, Busy):  # the next day does it
                    self._library.sweep()
                    if self._retention_hours is not None:
                        self.cleanup.old(self._retention_hours)
            self.log_rotation.sweep()
            if self._closing.wait(_SWEEP_SECONDS):
                return
            self.registry.sweep()
