"""A body from the outline of a picture's subject; a slab where there is none. It invents nothing that is not seen."""

from __future__ import annotations

from functools import partial

from imagequarry.domain.card import Geometry, ModelCard
from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions, MeshWatch
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.relief.light import heights_of, relief_of
from imagequarry.engines.solids.body import body_over
from imagequarry.engines.solids.slab import slab_over

# Shares of the subject's longer side: how far front and back stand out at most, and how far light raises the front.
_THICK, _RAISED = 0.22, 0.012

CARD = ModelCard(
    name="relief",
    task="mesh",
    family="embedded",
    description=(
        "The subject's outline blown up into a round, closed body with the picture on it, or a relief slab without a "
        "subject: nothing to fetch. It does not invent the side that is not seen."
    ),
    version="1",
    licence="MIT",
    source="part of this package; fixed rules, nothing fitted",
    geometry="2.5d",
)


class Relief:
    """A maker of meshes that has nothing to load and keeps nothing between calls."""

    wants_subject = True
    geometry: Geometry = "2.5d"

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes: there are none."""
        return 0

    def make(self, raster: Raster, subject: Mask | None, options: MeshOptions, watch: MeshWatch) -> Mesh:
        """A closed mesh of at most the limit's faces, in a few hundredths of a second."""
        watch.check()
        if subject is None or not subject.area:
            return slab_over(raster, options, lambda columns, rows: heights_of(raster, columns, rows))
        light = partial(relief_of, raster)
        return body_over(raster, subject, options, light, thick=_THICK, raised=_RAISED)
