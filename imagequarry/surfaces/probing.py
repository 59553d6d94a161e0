"""Health probes, as documents A and D share them, and B and E; they answer while every other thread is segmenting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Response
from pydantic import BaseModel

from imagequarry.ops import system
from imagequarry.runtime.parts import Runtime

T = TypeVar("T")

# Two sets of threads: a database that does not answer holds those that ask it, and liveness depends on nobody.
_asking: RunVar[CapacityLimiter] = RunVar("probes that ask others")
_alone: RunVar[CapacityLimiter] = RunVar("probes that ask nobody")
_THREADS = 4


class HealthReply(BaseModel):
    """The answer of a health probe."""

    status: str
    service: str
    version: str
    details: dict[str, Any]


class Statistics(BaseModel):
    """How many pictures are described, and where."""

    total_images: int
    collection_name: str
    db_path: str


class ServiceHealth(BaseModel):
    """The answer at ``/api/v1/health`` with and without a slash: all that documents B and E tell. ``uptime`` in s."""

    status: str
    service: str
    version: str
    database_connected: bool
    models_loaded: bool
    uptime: float
    stats: Statistics
    timestamp: str


async def probed(ask: Callable[[], T], *, alone: bool = False) -> T:
    """The answer, asked for in one of the probes' own threads; ``alone`` when it depends on nobody."""
    kept = _alone if alone else _asking
    try:
        limiter = kept.get()
    except LookupError:
        # One per event loop, made inside it.
        limiter = CapacityLimiter(_THREADS)
        kept.set(limiter)
    return await to_thread.run_sync(ask, limiter=limiter)


async def health(here: Runtime, response: Response) -> HealthReply:
    """The server and all it depends on; 503 when something is not well."""
    report = await probed(here.health.report)
    response.status_code = 200 if report.healthy else 503
    details = {
        "database": report["database"].status,
        "redis": report["redis"].status,
        "models": {name: report["models"].details.get(name, 0) for name in ("available", "cached", "loaded")},
    }
    return reply(here, "healthy" if report.healthy else "unhealthy", details)


async def service_health(here: Runtime, response: Response, timestamp: str) -> ServiceHealth:
    """The same as documents B and E tell it, with the time as either writes it."""
    told = await probed(lambda: service_told(here, timestamp))
    response.status_code = 200 if told.status == "healthy" else 503
    return told


def service_told(here: Runtime, timestamp: str) -> ServiceHealth:
    """The same for who is in a thread already."""
    report = here.health.report()
    connected = report["database"].status == "healthy"
    return ServiceHealth(
        status="healthy" if report.healthy else "unhealthy",
        service=here.health.service,
        version=here.health.version,
        database_connected=connected,
        models_loaded=any(here.preloading.loaded().values()),
        uptime=round(system.uptime(), 2),
        stats=Statistics(
            total_images=here.health.described() if connected else 0,
            collection_name=here.collection.name,
            db_path=here.collection.path,
        ),
        timestamp=timestamp,
    )


def reply(here: Runtime, status: str, details: dict[str, Any]) -> HealthReply:
    """A probe's answer with the server's name and version."""
    return HealthReply(status=status, service=here.health.service, version=here.health.version, details=details)
