"""The Celery worker: ``celery -A imagequarry.worker worker --without-gossip --without-mingle``."""

from __future__ import annotations

from typing import Any

from celery.signals import setup_logging

from imagequarry import runtime
from imagequarry.jobs.queues import celery
from imagequarry.ops import logs
from imagequarry.settings import read_settings

settings = read_settings()
app = celery.application(settings.celery_broker)


@setup_logging.connect
def _log(**_: Any) -> None:
    """Log as the server does; being connected keeps Celery from setting up logs of its own."""
    logs.configure(settings.log_level, settings.logs, application_file=settings.log_file, is_worker=True)


celery.serve(app, lambda: runtime.runner(settings))
