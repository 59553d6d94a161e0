"""/api/v1: how the server is, what it is set to, and what it has done."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from imagequarry.ops import system
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces import probing
from imagequarry.surfaces.context.dialect import NAME, timestamp
from imagequarry.surfaces.here import Here, runtime_of
from imagequarry.surfaces.probing import ServiceHealth

router = APIRouter(prefix="/api/v1", tags=[NAME])


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health(request: Request, response: Response) -> ServiceHealth:
    """Whether the server and what it depends on are well; 503 when something is not."""
    return await probing.service_health(runtime_of(request), response, timestamp())


@router.get("/status")
def status(here: Here) -> dict[str, Any]:
    """The machine, this process, the database, the models and the jobs."""
    told = probing.service_told(here, timestamp())
    return {
        "status": told.status,
        "version": told.version,
        "uptime": told.uptime,
        "system": system.report(here.data),
        "database": {"connected": told.database_connected, **told.stats.model_dump()},
        "models": {"device": here.registry.device(), "loaded": _loaded(here)},
        "jobs": here.board.health(),
        "timestamp": timestamp(),
    }


@router.get("/config")
def config(here: Here) -> dict[str, Any]:
    """The settings, without anything secret."""
    return {"config": here.shown_settings, "timestamp": timestamp()}


@router.get("/metrics")
def metrics(here: Here) -> dict[str, Any]:
    """Numbers: pictures, objects, vectors, jobs and models."""
    return {
        "uptime": round(system.uptime(), 2),
        **here.gallery.statistics(),
        "jobs": here.board.health(),
        "models_loaded": _loaded(here),
        "timestamp": timestamp(),
    }


@router.get("/info")
def info(here: Here) -> dict[str, Any]:
    """What this server is and where to go on."""
    return {
        "name": "Image Context Extractor",
        "version": here.health.version,
        "description": "Captions, objects, search and duplicates of pictures.",
        "docs_url": "/docs",
        "redoc_url": "/redoc",
        "openapi_url": "/openapi.json",
        "endpoints": {
            "health": "/api/v1/health",
            "models": "/api/v1/models/status",
            "images": "/api/v1/images/",
            "directories": "/api/v1/directories/scan",
            "duplicates": "/api/v1/duplicates/check",
            "websocket": "/ws",
        },
        "timestamp": timestamp(),
    }


def _loaded(here: Runtime) -> dict[str, int]:
    """Models in memory and the bytes that each holds there."""
    return {state.card.name: state.memory_bytes for state in here.registry.states() if state.loaded}
