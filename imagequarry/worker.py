"""The Celery worker: ``celery -A imagequarry.worker worker --without-gossip --without-mingle``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from celery.signals import setup_logging, worker_ready, worker_shutdown

from imagequarry.jobs.queues import celery
from imagequarry.ops import logs
from imagequarry.ops.metrics import Metrics, listening
from imagequarry.runtime import assembling
from imagequarry.settings import read_settings

settings = read_settings()
app = celery.application(settings.celery_broker)
_ends = ExitStack()


@setup_logging.connect
def _log(**_: Any) -> None:
    """Log as the server does; being connected keeps Celery from setting up logs of its own."""
    logs.configure(settings.log_level, settings.logs, application_file=settings.log_file, is_worker=True)


@worker_ready.connect
def _tell_prometheus(**_: Any) -> None:
    """Serve, in the first process, the times that the others record in PROMETHEUS_MULTIPROC_DIR."""
    if settings.metrics_enabled:
        _ends.enter_context(listening(settings.metrics_host, settings.metrics_port, Metrics().text))


@worker_shutdown.connect
def _end(**_: Any) -> None:
    _ends.close()


celery.serve(app, lambda: assembling.runner(settings))
