"""Relief as a ``MeshMaker``: needs no weights, and does not invent the unseen side."""

from __future__ import annotations

from imagequarry.domain.card import ModelCard
from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Geometry, Mesh, MeshOptions
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Watch
from imagequarry.engines.embedded.relief.shading import relief_of
from imagequarry.engines.solids.raising import Proportions, mesh_of

PROPORTIONS = Proportions(body=0.6, relief=0.1, rim=0.35, slab_relief=0.06, slab_floor=0.03)

CARD = ModelCard(
    name="relief",
    task="mesh",
    family="embedded",
    description=(
        "The subject's outline blown up, or the whole picture as a relief: textured, closed, nothing to fetch. "
        "It does not invent the unseen side: the back is the front mirrored."
    ),
    version="1",
    licence="MIT",
    source="part of this package",
)


class Relief:
    """A mesh maker that has nothing to load and keeps nothing between calls."""

    geometry: Geometry = "2.5d"

    @property
    def nbytes(self) -> int:
        """Memory held by weights: none."""
        return 0

    def make(self, image: Raster, mask: Mask | None, options: MeshOptions, watch: Watch) -> Mesh:
        """The subject under the mask blown up; the whole picture as a slab where there is none or it covers all.

        Raises InvalidInput, naming the least, where the face limit cannot be kept.
        """
        return mesh_of(image, mask, relief_of, PROPORTIONS, options, watch)
