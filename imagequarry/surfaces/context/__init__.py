"""Surface B, Image Context Extractor: what pictures say, search, duplicates, whole folders, and WebSockets."""

from imagequarry.jobs import indexing
from imagequarry.surfaces.context import directories, duplicates, health, images, models, sockets
from imagequarry.surfaces.context.dialect import NAME, render
from imagequarry.surfaces.context.replies import live_search
from imagequarry.surfaces.surface import Surface

__all__ = ["PROCESSING_KINDS", "SURFACE", "live_search"]

SURFACE = Surface(
    name=NAME,
    routers=(health.router, models.router, images.router, directories.router, duplicates.router, sockets.router),
    render=render,
    probes=frozenset({"/api/v1/health"}),
)

# The jobs that the channel of processing tells of.
PROCESSING_KINDS = (indexing.INDEX.name, indexing.AGAIN.name)
