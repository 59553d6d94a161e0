"""From a picture to the mesh of its subject, by the model asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagequarry.capabilities.meshes.subject import subject_of
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.card import ModelCard
from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Geometry, Mesh, MeshOptions
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import InvalidInput
from imagequarry.models.registry import Registry

_SEGMENTED = 0.5  # of the work is done when the subject is known


@dataclass(frozen=True, slots=True)
class Made:
    """A mesh, the name of the model that made it, what that knows of the far side, and the subject it is of.

    ``subject`` is None where the whole picture is a relief.
    """

    mesh: Mesh = field(repr=False)
    model: str
    geometry: Geometry
    subject: Mask | None


class Meshes:
    """Chooses the subject with a segmenter and lets a mesh maker make it."""

    def __init__(self, registry: Registry, segmentation: Segmentation) -> None:
        self._registry = registry
        self._segmentation = segmentation

    def card(self, model: str | None = None) -> ModelCard:
        """The card of the model that would make a mesh. Raises ``ModelNotFound``, ``ModelUnavailable``."""
        return self._registry.choose(model, "mesh")

    def make(
        self,
        image: Raster,
        options: MeshOptions | None = None,
        model: str | None = None,
        mask: Mask | None = None,
        watch: Watch | None = None,
    ) -> Made:
        """The mesh of what is under ``mask``, or of the picture's subject where none is given.

        An empty mask means the whole picture. Raises InvalidInput for the mask of a picture of another size and for a
        face limit that cannot be kept, ``ModelNotFound``, ``ModelFailure``, ``Cancelled``.
        """
        card, told = self.card(model), watch or Unwatched()
        if mask is not None and mask.size != image.size:
            raise InvalidInput("The mask is of a picture of another size.")
        told.progress(0.0, "looking for the subject")
        subject = subject_of(image, self._segmentation) if mask is None else mask
        told.check()
        with self._registry.lease(card) as leased:
            mesh = leased.engine.make(image, subject, options or MeshOptions(), _Later(told))
            shown = subject if subject is not None and 0 < subject.area < image.width * image.height else None
            return Made(mesh, card.name, leased.engine.geometry, shown)


class _Later:
    """The rest of a watch's way."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def progress(self, fraction: float, message: str = "") -> None:
        self._watch.progress(_SEGMENTED + (1 - _SEGMENTED) * fraction, message)

    def check(self) -> None:
        self._watch.check()
