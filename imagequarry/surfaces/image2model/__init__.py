"""Surface E, Image2Model: pictures to models in space, and the keeper's desk: health, admin, logs."""

from imagequarry.surfaces.image2model import admin, debug, download, health, logs, models, status, upload
from imagequarry.surfaces.image2model.dialect import NAME, render
from imagequarry.surfaces.surface import Surface

__all__ = ["SURFACE"]

SURFACE = Surface(
    name=NAME,
    routers=(
        health.router,
        upload.router,
        models.router,
        status.router,
        download.router,
        debug.router,
        admin.router,
        logs.router,
    ),
    render=render,
    probes=frozenset(
        {"/api/v1/health/", "/api/v1/health/detailed", "/api/v1/health/liveness", "/api/v1/health/readiness"}
    ),
    # A browser's EventSource sends no headers; the ids are random and of 128 bits.
    readable=(
        "/api/v1/status/jobs/{id}/progress",
        "/api/v1/status/tasks/{id}/stream",
        "/api/v1/status/tasks/{id}/status",
        "/api/v1/upload/status/{id}",
        "/api/v1/upload/batch/{id}/status",
    ),
    admin=("/api/v1/admin", "/api/v1/logs"),
    limited=True,
    uncounted=frozenset({"/api/v1/health/metrics"}),
)
