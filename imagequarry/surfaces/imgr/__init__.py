"""Surface D, Imgr: upload a picture, click, and get it cut out."""

from imagequarry.surfaces import detail
from imagequarry.surfaces.imgr import dialect, routes
from imagequarry.surfaces.surface import Surface

SURFACE = Surface(name=dialect.NAME, routers=(routes.router,), render=detail.render, probes=frozenset({"/health"}))
