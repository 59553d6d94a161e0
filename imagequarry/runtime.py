"""The composition root: the only file that knows which classes the server is made of."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagequarry
from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.drive import Drive
from imagequarry.capabilities.embeddings import Embeddings
from imagequarry.capabilities.intake import Limits
from imagequarry.capabilities.prewarming import Prewarmer
from imagequarry.capabilities.segmentation import SearchKey, Segmentation
from imagequarry.domain.job import JobLimits
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidates
from imagequarry.engines.remote.card import CARD as REMOTE_CARD
from imagequarry.errors import Busy, StorageFailure
from imagequarry.jobs import machinery
from imagequarry.jobs.board import Board
from imagequarry.jobs.catalogue import KINDS
from imagequarry.jobs.events import Events
from imagequarry.jobs.kinds import Tools
from imagequarry.jobs.machinery import JobSettings, Machinery
from imagequarry.jobs.ordering import Orders
from imagequarry.jobs.runner import Runner
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.catalogue import CATALOGUE, Entry, Hardware, remote
from imagequarry.models.embedding_store import EmbeddingFolder
from imagequarry.models.hub import Hub
from imagequarry.models.pool import ModelPool
from imagequarry.models.pulling import Puller
from imagequarry.models.registry import Registry
from imagequarry.models.turns import Turns
from imagequarry.models.weights import WeightsFolder
from imagequarry.ops.health import Health
from imagequarry.settings import Settings
from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.drive import GoogleDrive, RefreshToken, ServiceAccount
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations

_MB = 2**20
# Decoded pictures kept between clicks: a dozen of 12 megapixels.
_RASTER_BYTES = 512 * _MB
_SWEEP_SECONDS = 60.0
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the surfaces talk to. Made by ``assemble``; nothing runs before ``start``, nothing after ``close``."""

    registry: Registry
    segmentation: Segmentation
    archive: Archive
    health: Health
    limits: Limits
    results: Path
    drive: Drive
    prewarmer: Prewarmer
    board: Board
    events: Events
    orders: Orders
    # What makes surface C's masks: the SAM API where one is configured, else the default model.
    stored_masks_model: str | None
    tools: Tools = field(repr=False)
    database: Database = field(repr=False)
    _library: Library = field(repr=False)
    _machinery: Machinery = field(repr=False)
    _closing: threading.Event = field(default_factory=threading.Event, repr=False)

    def start(self) -> None:
        """Begin to work on jobs, and to unload what nobody uses."""
        threading.Thread(target=self._sweep, name="sweep", daemon=True).start()
        self._machinery.start()

    def close(self) -> None:
        """End what runs and give connections and threads back; a job that runs is put back."""
        self._closing.set()
        self._machinery.close()
        self.prewarmer.close()
        self.drive.close()
        self.database.close()

    def _sweep(self) -> None:
        """Once a minute unload idle models; at the start and once a day remove files that no picture names."""
        next_files = 0.0
        while True:
            if time.monotonic() >= next_files:
                next_files = time.monotonic() + _DAY_SECONDS
                with suppress(StorageFailure, Busy):  # the next day does it
                    self._library.sweep()
            if self._closing.wait(_SWEEP_SECONDS):
                return
            self.registry.sweep()


def assemble(settings: Settings) -> Runtime:
    """Put the server together: open and migrate the database, and find out which models there are.

    Raises ``StorageFailure`` when the database or the data folder cannot be used.
    """
    database = Database(settings.database)
    database.migrate()
    registry, segmentation = models(settings)
    limits = Limits(max_bytes=settings.max_image_mb * _MB, max_side=settings.max_image_side)
    rasters: ByteCache[str, Raster] = ByteCache(_RASTER_BYTES)
    library = Library(database, FolderBlobs(settings.blobs))
    archive = Archive(library, Images(database), Segmentations(database), rasters, limits)
    drive = Drive(_google_drive(settings) if settings.google_drive_enabled else None)
    tools = Tools(segmentation, archive, drive, settings.results)
    jobs = machinery.machinery(database, KINDS, tools, job_settings(settings))
    return Runtime(
        registry=registry,
        segmentation=segmentation,
        archive=archive,
        health=Health(database, registry, settings.app_version or imagequarry.__version__),
        limits=limits,
        results=settings.results,
        drive=drive,
        prewarmer=Prewarmer(segmentation, enabled=settings.prewarm),
        stored_masks_model=REMOTE_CARD.name if settings.sam_api_url else None,
        board=jobs.board,
        events=jobs.events,
        orders=Orders(jobs.board, archive, segmentation, settings.results),
        tools=tools,
        database=database,
        _library=library,
        _machinery=jobs,
    )


def runner(settings: Settings) -> Runner[Tools]:
    """What works on jobs in a process that serves no requests."""
    parts = assemble(settings)
    return machinery.runner(parts.database, KINDS, parts.tools, job_settings(settings))


def job_settings(settings: Settings) -> JobSettings:
    """What the settings say about jobs."""
    return JobSettings(
        queue=settings.job_queue,
        isolation=settings.jobs_isolation,
        workers=settings.job_workers,
        limits=JobLimits(settings.task_soft_time_limit, settings.task_time_limit, settings.job_max_tries),
        queue_length=settings.job_queue_length,
        retention_hours=settings.job_retention_hours or None,
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else None,
        broker_url=settings.celery_broker,
        lease_seconds=settings.job_lease_seconds,
        child_command=(sys.executable, "-m", "imagequarry.cli", "work", "--child"),
    )


def models(settings: Settings) -> tuple[Registry, Segmentation]:
    """The models and segmentation alone: what the command line needs."""
    embeddings: ByteCache[EmbeddingKey, Any] = ByteCache(settings.embedding_cache_mb * _MB)
    registry = Registry(
        _catalogue(settings),
        weights(settings),
        ModelPool(settings.model_memory_mb * _MB, settings.model_idle_seconds),
        embeddings,
        Hardware(settings.device, settings.model_precision),
        settings.default_model,
    )
    folder = settings.embedding_cache_dir
    disk = EmbeddingFolder(folder, settings.embedding_disk_mb * _MB) if folder else None
    searches: ByteCache[SearchKey, Candidates] = ByteCache(settings.candidate_cache_mb * _MB)
    return registry, Segmentation(registry, Embeddings(embeddings, disk), searches, Turns())


def weights(settings: Settings) -> WeightsFolder:
    """The folder of weights."""
    return WeightsFolder(settings.models, settings.sam_checkpoint_path)


def puller(settings: Settings) -> Puller:
    """What brings weights into that folder."""
    token = settings.hf_token.get_secret_value() if settings.hf_token else ""
    return Puller(settings.models, Hub(settings.hf_endpoint, token))


def _catalogue(settings: Settings) -> tuple[Entry, ...]:
    if not settings.sam_api_url:
        return CATALOGUE
    token = settings.sam_api_token.get_secret_value() if settings.sam_api_token else ""
    return (*CATALOGUE, remote(settings.sam_api_url, token, settings.sam_api_timeout))


def _google_drive(settings: Settings) -> GoogleDrive:
    account: ServiceAccount | RefreshToken
    client, secret = settings.google_oauth_client_id, settings.google_oauth_client_secret
    refresh_token = settings.google_oauth_refresh_token
    if client and secret and refresh_token:
        account = RefreshToken(client, secret.get_secret_value(), refresh_token.get_secret_value())
    else:
        account = ServiceAccount(settings.google_service_account_json, settings.google_drive_subject)
    return GoogleDrive(account, settings.drive_folder_id, settings.drive_api_url)
