"""What the server depends on, and how each of it is asked whether it is well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from imagequarry.errors import StorageFailure
from imagequarry.models.registry import Registry
from imagequarry.ops import system
from imagequarry.stores.database import Database
from imagequarry.stores.ledger_figures import LedgerFigures

# Degraded does its work still, but somebody should look.
Status = Literal["healthy", "degraded", "unhealthy", "not configured"]

_REDIS_SECONDS = 1.0
_MB = 2**20
# A picture, its masks and the database's journal want room; below the first nothing is safe to begin.
LEAST_FREE_BYTES = 512 * _MB
_SCARCE = 4
# Workers look every second; after so long nobody does.
_UNATTENDED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """How a component is: a sentence where it is not well, and figures for people."""

    status: Status = "healthy"
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


Check = Callable[[], Finding]
"""Asks a component. What it raises means that the component is not well; it may also never return."""


def checks(
    database: Database,
    registry: Registry,
    work: Check,
    redis_url: str | None,
    broker_url: str | None,
    folders: Iterable[Path],
) -> dict[str, Check | None]:
    """What a server is asked, by the names that document E gives, or by one that says what is there instead.

    None stands for what it was told nothing of.
    ``broker_url`` is that of Celery's broker, None where jobs are done without Celery.
    """
    # Only a Redis can be asked with a ping.
    broker = broker_url if broker_url and broker_url.startswith(("redis://", "rediss://")) else None
    asked = [url for url in (redis_url, broker) if url]
    found: dict[str, Check | None] = {
        "database": answers(database),
        "redis": redis(asked) if asked else None,
        "celery": None,
        "disk_space": disk_space(folders),
        "models": models(registry),
    }
    if broker_url is None:
        return {**found, "embedded_queue": work}
    return {**found, "celery": both(redis([broker]), work) if broker else work}


def answers(database: Database) -> Check:
    """The database answers a query."""

    def check() -> Finding:
        database.ping()
        return Finding()

    return check


def redis(urls: Iterable[str]) -> Check:
    """Each Redis at these addresses answers; their names stay out of what is said, for they hold passwords."""
    from redis import Redis, RedisError

    clients = [
        Redis.from_url(url, socket_connect_timeout=_REDIS_SECONDS, socket_timeout=_REDIS_SECONDS)
        for url in dict.fromkeys(urls)
    ]

    def check() -> Finding:
        try:
            for client in clients:
                client.ping()
        except (RedisError, OSError) as error:
            raise StorageFailure("Redis does not answer.") from error
        return Finding()

    return check


def queue(ledger: LedgerFigures, workers: Callable[[], Mapping[str, int]]) -> Check:
    """The jobs that wait and run, and whether somebody works on them; ``workers`` is what the queue knows of its own.

    The ledger is asked and no worker: one that works does not answer.
    """

    def check() -> Finding:
        details = {"queued": 0, "running": 0, **workers()}
        for (_, state), count in ledger.open_jobs().items():
            details[state] += count
        if details.get("workers") and details.get("stuck", 0) >= details["workers"]:
            return Finding("degraded", "Every worker is stuck in a job that is no longer its own.", details)
        if not details["running"] and ledger.longest_wait() > _UNATTENDED_SECONDS:
            return Finding("degraded", "Jobs wait and nobody works on them.", details)
        return Finding(details=details)

    return check


def both(first: Check, second: Check) -> Check:
    """The first, and where it is well the second."""

    def check() -> Finding:
        found = first()
        return found if found.status != "healthy" else second()

    return check


def disk_space(folders: Iterable[Path], least: int = LEAST_FREE_BYTES) -> Check:
    """The disks of these folders have ``least`` bytes left."""
    kept = tuple(folders)

    def check() -> Finding:
        free = min(psutil.disk_usage(str(system.nearest(folder))).free for folder in kept)
        details = {"free_mb": free // _MB, "least_free_mb": least // _MB}
        if free < least:
            return Finding("unhealthy", f"Only {free // _MB} MB of disk space are left.", details)
        if free < least * _SCARCE:
            return Finding("degraded", f"Only {free // _MB} MB of disk space are left.", details)
        return Finding(details=details)

    return check


def models(registry: Registry) -> Check:
    """The models that segment: how many there are, have their weights here, and are in memory."""

    def check() -> Finding:
        states = registry.states("segment")
        cached = sum(state.cached for state in states)
        details = {
            "available": len(states),
            "cached": cached,
            "loaded": sum(state.loaded for state in states),
        }
        return Finding(details=details) if cached else Finding("unhealthy", "No model here can segment.", details)

    return check
