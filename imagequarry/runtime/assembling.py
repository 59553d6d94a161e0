"""Settings in, the parts of a server out, in the order in which they are put together."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial

import imagequarry
from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.deduplication import Deduplication
from imagequarry.capabilities.description import Describer
from imagequarry.capabilities.directories import Directories
from imagequarry.capabilities.drive import Drive
from imagequarry.capabilities.duplicates import Duplicates
from imagequarry.capabilities.gallery import Gallery
from imagequarry.capabilities.intake import JPEG_PNG, Limits
from imagequarry.capabilities.meshes import Meshes
from imagequarry.capabilities.preloading import Preloading
from imagequarry.capabilities.prewarming import Prewarmer
from imagequarry.capabilities.pulling import Pulling
from imagequarry.capabilities.roots import Roots
from imagequarry.capabilities.search import Search
from imagequarry.capabilities.spaces import Spaces
from imagequarry.capabilities.thumbnails import Thumbnails
from imagequarry.domain.job import JobLimits
from imagequarry.domain.raster import Raster
from imagequarry.engines.remote.card import CARD as REMOTE_CARD
from imagequarry.jobs import machinery
from imagequarry.jobs.catalogue import KINDS
from imagequarry.jobs.kinds import Kinds, Tools
from imagequarry.jobs.machinery import JobSettings
from imagequarry.jobs.model_files import ModelFiles
from imagequarry.jobs.model_orders import ModelOrders
from imagequarry.jobs.ordering import Orders
from imagequarry.jobs.runner import Runner
from imagequarry.jobs.watching import Watching
from imagequarry.models.cache import ByteCache
from imagequarry.ops import components
from imagequarry.ops.cleanup import Cleanup, PictureStores
from imagequarry.ops.health import Health
from imagequarry.ops.log_reports import LogReports
from imagequarry.ops.log_rotation import LogRotation
from imagequarry.ops.metrics import JobMetrics, Metrics, process
from imagequarry.ops.storage import Storage
from imagequarry.runtime.parts import Collection, Runtime
from imagequarry.runtime.registering import models, puller
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
from imagequarry.stores.vectors import choose
from imagequarry.stores.words import Words

_MB = 2**20
# Decoded pictures kept between clicks: a dozen of 12 megapixels.
_RASTER_BYTES = 512 * _MB
# Uploads are held to MAX_IMAGE_SIDE; what lies on the server may be what a camera of 100 megapixels makes.
_LONGEST_SIDE_OF_FILES = 12_000
# What a phone makes of 48 megapixels.
_LONGEST_SIDE_OF_MODELS = 8192


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
