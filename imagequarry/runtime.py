"""The composition root: the only file that knows which classes the server is made of."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

import imagequarry
from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.deduplication import Deduplication
from imagequarry.capabilities.description import Describer
from imagequarry.capabilities.directories import Directories
from imagequarry.capabilities.drive import Drive
from imagequarry.capabilities.duplicates import Duplicates
from imagequarry.capabilities.embeddings import Embeddings
from imagequarry.capabilities.gallery import Gallery
from imagequarry.capabilities.intake import JPEG_PNG, Limits
from imagequarry.capabilities.meshes import Meshes
from imagequarry.capabilities.preloading import Preloading
from imagequarry.capabilities.prewarming import Prewarmer
from imagequarry.capabilities.pulling import Pulling
from imagequarry.capabilities.roots import Roots
from imagequarry.capabilities.search import Search
from imagequarry.capabilities.segmentation import SearchKey, Segmentation
from imagequarry.capabilities.spaces import Spaces
from imagequarry.capabilities.thumbnails import Thumbnails
from imagequarry.domain.job import JobLimits
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidates
from imagequarry.domain.timing import Observe, unobserved
from imagequarry.engines.huggingface.clip.vocabulary import VOCABULARY
from imagequarry.engines.remote.card import CARD as REMOTE_CARD
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.card import CARD as TRIPO3D_CARD
from imagequarry.errors import Busy, ModelUnavailable, QuarryError, StorageFailure
from imagequarry.jobs import indexing, machinery
from imagequarry.jobs.board import Board
from imagequarry.jobs.catalogue import KINDS
from imagequarry.jobs.events import Events
from imagequarry.jobs.kinds import Kinds, Tools
from imagequarry.jobs.machinery import JobSettings, Machinery
from imagequarry.jobs.model_files import ModelFiles
from imagequarry.jobs.model_orders import ModelOrders
from imagequarry.jobs.ordering import Orders
from imagequarry.jobs.runner import Runner
from imagequarry.jobs.watching import Watching
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.catalogue import Entry, Hardware, catalogue, remote
from imagequarry.models.embedding_store import EmbeddingFolder
from imagequarry.models.hub import Hub
from imagequarry.models.pool import ModelPool
from imagequarry.models.pulling import Puller
from imagequarry.models.registry import AUTO, Registry
from imagequarry.models.turns import Turns
from imagequarry.models.weights import WeightsFolder
from imagequarry.ops import components
from imagequarry.ops.cleanup import Cleanup, PictureStores
from imagequarry.ops.health import Health
from imagequarry.ops.log_reports import LogReports
from imagequarry.ops.log_rotation import LogRotation
from imagequarry.ops.metrics import JobMetrics, Metrics, process
from imagequarry.ops.storage import Storage
from imagequarry.settings import Settings
from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.description_scans import DescriptionScans
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.drive import GoogleDrive, RefreshToken, ServiceAccount
from imagequarry.stores.images import Images
from imagequarry.stores.ledger_figures import LedgerFigures
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.ledger_stream import EventLog
from imagequarry.stores.library import Library
from imagequarry.stores.log_files import LogFiles
from imagequarry.stores.segmentations import Segmentations
from imagequarry.stores.unused_images import UnusedImages
from imagequarry.stores.vectors import Vectors, choose
from imagequarry.stores.words import Words

_log = structlog.stdlib.get_logger(__name__)

_MB = 2**20
# Decoded pictures kept between clicks: a dozen of 12 megapixels.
_RASTER_BYTES = 512 * _MB
# Uploads are held to MAX_IMAGE_SIDE; what lies on the server may be what a camera of 100 megapixels makes.
_LONGEST_SIDE_OF_FILES = 12_000
# What a phone makes of 48 megapixels.
_LONGEST_SIDE_OF_MODELS = 8192
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


def assemble(settings: Settings) -> Runtime:
    """Put the server together: open and migrate the database, and find out which models there are.

    Raises ``StorageFailure`` when the database or the data folder cannot be used.
    """
    database = Database(settings.database)
    database.migrate()
    metrics = Metrics()
    registry, segmentation = models(settings, metrics.engines.observe)
    limits = Limits(max_bytes=settings.max_image_mb * _MB, max_side=settings.max_image_side)
    of_files = replace(limits, max_side=max(limits.max_side, _LONGEST_SIDE_OF_FILES))
    rasters: ByteCache[str, Raster] = ByteCache(_RASTER_BYTES)
    library = Library(database, FolderBlobs(settings.blobs))
    archive = Archive(library, Images(database), Segmentations(database), rasters, limits, of_files)
    drive = Drive(_google_drive(settings) if settings.google_drive_enabled else None)
    scans = DescriptionScans(database)
    descriptions, vectors = Descriptions(database), choose(database, settings.vector_engine)
    roots = Roots(settings.roots, home=settings.uploads.parent)
    describer = Describer(registry, library, descriptions, scans, vectors, roots, of_files)
    directories = Directories(describer)
    gallery = Gallery(descriptions, vectors, archive, roots, settings.uploads)
    spaces = Spaces(registry, vectors)
    duplicates = Duplicates(spaces, descriptions, scans, vectors)
    meshes = Meshes(registry, segmentation)
    logs = LogFiles(settings.logs, settings.log_file)
    pulling = Pulling(registry, partial(puller, settings))
    tools = Tools(
        segmentation, archive, drive, settings.results, describer, directories, meshes, logs, settings.exports, pulling
    )
    of_jobs = job_settings(settings)
    jobs = machinery.machinery(database, KINDS, tools, of_jobs)
    version = settings.app_version or imagequarry.__version__
    figures = LedgerFigures(Journal(database))
    broker = of_jobs.broker_url if of_jobs.queue == "celery" else None
    work, disks = components.queue(figures, jobs.queue.health), (settings.data_dir, settings.results, settings.blobs)
    checks = components.checks(database, registry, work, of_jobs.redis_url, broker, disks)
    job_metrics = JobMetrics(figures, [kind.name for kind in KINDS if kind.run], jobs.queue.health)
    metrics.add(*process.sources(version, registry, segmentation, archive, settings.data_dir), job_metrics)
    rotation = LogRotation(logs, settings.log_rotate_mb * _MB, settings.log_retention_days)
    return Runtime(
        registry=registry,
        segmentation=segmentation,
        archive=archive,
        health=Health(version, checks, gallery.count, settings.data_dir),
        metrics=metrics,
        limits=limits,
        results=settings.results,
        drive=drive,
        prewarmer=Prewarmer(segmentation, enabled=settings.prewarm),
        stored_masks_model=REMOTE_CARD.name if settings.sam_api_url else None,
        board=jobs.board,
        events=jobs.events,
        watching=Watching(EventLog(database), jobs.bell),
        orders=Orders(jobs.board, archive, segmentation, settings.results),
        model_orders=ModelOrders(
            jobs.board,
            archive,
            meshes,
            settings.max_upload_files,
            Limits(settings.max_upload_mb * _MB, max(limits.max_side, _LONGEST_SIDE_OF_MODELS), JPEG_PNG),
            job_settings(settings).limits,
            settings.fal_timeout,
        ),
        model_files=ModelFiles(jobs.board, meshes, settings.results),
        describer=describer,
        directories=directories,
        gallery=gallery,
        thumbnails=Thumbnails(gallery, of_files),
        search=Search(spaces, vectors, descriptions, Words(database), archive),
        deduplication=Deduplication(duplicates, describer, directories, descriptions, gallery, roots, of_files),
        preloading=Preloading(registry),
        roots=roots,
        meshes=meshes,
        collection=Collection(settings.collection_name, _where(settings)),
        data=settings.data_dir,
        storage=Storage((settings.uploads, settings.blobs), settings.results, settings.logs),
        cleanup=Cleanup(
            jobs.board,
            Kinds(KINDS),
            tools,
            PictureStores(library, Images(database), UnusedImages(database)),
            (settings.uploads, settings.exports),
            settings.data_dir / "cleanup.json",
        ),
        log_reports=LogReports(logs, rotation),
        log_rotation=rotation,
        shown_settings=settings.shown,
        tools=tools,
        database=database,
        _library=library,
        _vectors=vectors,
        _machinery=jobs,
        _retention_hours=settings.job_retention_hours or None,
        _job_metrics=job_metrics,
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


def models(settings: Settings, observe: Observe = unobserved) -> tuple[Registry, Segmentation]:
    """The models and segmentation alone: what the command line needs. ``observe`` hears how long models take."""
    embeddings: ByteCache[EmbeddingKey, Any] = ByteCache(settings.embedding_cache_mb * _MB)
    registry = Registry(
        _catalogue(settings),
        weights(settings),
        ModelPool(settings.model_memory_mb * _MB, settings.model_idle_seconds),
        embeddings,
        Hardware(settings.device, settings.model_precision),
        settings.default_model,
        {
            "caption": settings.caption_model,
            "objects": settings.objects_model,
            "image-vectors": settings.image_vector_model,
            "text-vectors": settings.text_vector_model,
            "mesh": _mesh_model(settings),
        },
        observe,
    )
    folder = settings.embedding_cache_dir
    disk = EmbeddingFolder(folder, settings.embedding_disk_mb * _MB) if folder else None
    searches: ByteCache[SearchKey, Candidates] = ByteCache(settings.candidate_cache_mb * _MB)
    return registry, Segmentation(registry, Embeddings(embeddings, disk), searches, Turns())


def weights(settings: Settings) -> WeightsFolder:
    """The folder of weights."""
    named = {"blip": settings.local_blip_model_path, "clip": settings.local_clip_model_path}
    chosen = {name: path for name, path in named.items() if path is not None}
    return WeightsFolder(settings.models, settings.sam_checkpoint_path, chosen)


def puller(settings: Settings) -> Puller:
    """What brings weights into that folder. Raises ``ModelUnavailable`` where the settings forbid it."""
    if settings.use_local_files_only:
        raise ModelUnavailable("USE_LOCAL_FILES_ONLY is set, so nothing is pulled: put the weights there yourself.")
    token = settings.hf_token.get_secret_value() if settings.hf_token else ""
    return Puller(settings.models, Hub(settings.hf_endpoint, token))


def _catalogue(settings: Settings) -> tuple[Entry, ...]:
    entries = catalogue(settings.object_vocabulary or VOCABULARY, settings.object_threshold, _fal(settings))
    if not settings.sam_api_url:
        return entries
    token = settings.sam_api_token.get_secret_value() if settings.sam_api_token else ""
    return (*entries, remote(settings.sam_api_url, token, settings.sam_api_timeout))


def _fal(settings: Settings) -> Account:
    """The account at fal.ai; without a key nothing is ever sent there."""
    key = settings.fal_key.get_secret_value().strip() if settings.fal_key else ""
    return Account(key, settings.fal_endpoint, settings.fal_queue_url, settings.fal_rest_url, settings.fal_timeout)


def _mesh_model(settings: Settings) -> str:
    """Who gives a key wants it used: "auto" is then the model that is paid for."""
    return TRIPO3D_CARD.name if settings.mesh_model == AUTO and settings.fal_key else settings.mesh_model


def _where(settings: Settings) -> str:
    """Where descriptions are kept, as people are told: a folder, or the kind of the database."""
    if settings.database.startswith("sqlite"):
        return str(settings.db_path or settings.data_dir)
    return "postgresql"


def _google_drive(settings: Settings) -> GoogleDrive:
    account: ServiceAccount | RefreshToken
    client, secret = settings.google_oauth_client_id, settings.google_oauth_client_secret
    refresh_token = settings.google_oauth_refresh_token
    if client and secret and refresh_token:
        account = RefreshToken(client, secret.get_secret_value(), refresh_token.get_secret_value())
    else:
        account = ServiceAccount(settings.google_service_account_json, settings.google_drive_subject)
    return GoogleDrive(account, settings.drive_folder_id, settings.drive_api_url)
