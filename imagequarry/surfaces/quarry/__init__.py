"""Surface A, Image Quarry: segmentation, models, health and storage."""

from imagequarry.surfaces.quarry import dialect, health, jobs, models, segment, segment_jobs, storage
from imagequarry.surfaces.surface import Surface

SURFACE = Surface(
    name=dialect.NAME,
    routers=(health.router, segment.router, segment_jobs.router, jobs.router, storage.router, models.router),
    render=dialect.render,
    probes=frozenset({"/health/", "/health/ready", "/health/live"}),
    limited=True,
)
