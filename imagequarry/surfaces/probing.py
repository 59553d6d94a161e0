"""Health probes, as documents A and D share them; they answer while every other thread is segmenting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Response
from pydantic import BaseModel

from imagequarry.runtime import Runtime

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
    return reply(here, "healthy" if report.healthy else "unhealthy", report.details)


def reply(here: Runtime, status: str, details: dict[str, Any]) -> HealthReply:
    """A probe's answer with the server's name and version."""
    return HealthReply(status=status, service=here.health.service, version=here.health.version, details=details)
