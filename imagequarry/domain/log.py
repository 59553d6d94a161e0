"""The logs that the server writes, by the names that surface E gives them."""

from __future__ import annotations

from typing import Final, Literal, get_args

LogType = Literal["celery_worker", "celery_errors", "application", "access"]
LOG_TYPES: Final[tuple[LogType, ...]] = get_args(LogType)
LOG_DESCRIPTIONS: Final[dict[LogType, str]] = {
    "celery_worker": "Celery worker process logs",
    "celery_errors": "Celery error logs",
    "application": "Main application logs",
    "access": "HTTP access logs",
}
