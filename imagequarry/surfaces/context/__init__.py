"""Surface B, Image Context Extractor: which models are loaded, and loading them ahead of the first request."""

from imagequarry.surfaces.context import models
from imagequarry.surfaces.context.dialect import NAME, render
from imagequarry.surfaces.surface import Surface

SURFACE = Surface(name=NAME, routers=(models.router,), render=render)
