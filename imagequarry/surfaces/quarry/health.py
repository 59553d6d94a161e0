"""/health: whether the server and what it depends on are well.

Document D's ``/health`` and document A's ``/health/`` differ by a slash: both answer, with the same body.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from imagequarry.surfaces import probing
from imagequarry.surfaces.here import runtime_of
from imagequarry.surfaces.probing import HealthReply
from imagequarry.surfaces.quarry.dialect import NAME

router = APIRouter(prefix="/health", tags=[NAME])


@router.head("/", include_in_schema=False)
@router.get("/")
async def health(request: Request, response: Response) -> HealthReply:
    """Database, Redis and models."""
    return await probing.health(runtime_of(request), response)


@router.head("/ready", include_in_schema=False)
@router.get("/ready")
async def ready(request: Request, response: Response) -> HealthReply:
    """Whether requests can be served now."""
    here = runtime_of(request)
    is_ready = await probing.probed(here.health.is_ready)
    response.status_code = 200 if is_ready else 503
    return probing.reply(here, "ready" if is_ready else "not ready", {"ready": is_ready})


@router.head("/live", include_in_schema=False)
@router.get("/live")
async def live(request: Request) -> HealthReply:
    """Whether the process answers at all; it depends on nothing."""
    here = runtime_of(request)
    return await probing.probed(lambda: probing.reply(here, "alive", {"alive": True}), alone=True)
