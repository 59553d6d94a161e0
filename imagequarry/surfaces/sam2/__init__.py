"""Surface C, SAM2 Backend: masks stored with a picture, and chosen ones rendered in colours."""

from imagequarry.surfaces import detail
from imagequarry.surfaces.sam2 import images, masks
from imagequarry.surfaces.sam2.dialect import NAME
from imagequarry.surfaces.surface import Surface

SURFACE = Surface(name=NAME, routers=(masks.router, images.router), render=detail.render)
