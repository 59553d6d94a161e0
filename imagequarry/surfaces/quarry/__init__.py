"""Surface A, Image Quarry: segmentation, models, health and storage."""

from imagequarry.surfaces.quarry import dialect, health, models, segment, storage
from imagequarry.surfaces.surface import Surface

SURFACE = Surface(
    name=dialect.NAME,
    routers=(health.router, segment.router, storage.router, models.router),
    render=dialect.render,
    probes=frozenset({"/health/", "/health/ready", "/health/live"}),
)
