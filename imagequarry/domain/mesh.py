"""Models in space: what is asked for, what an engine makes, and what engines have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.card import Geometry
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.watch import Watch
from imagequarry.errors import InvalidInput

Quality = Literal["draft", "standard", "high"]

MOST_FACES = 500_000
"""More faces than this no engine makes: a file of some 20 MB, which a browser still turns smoothly."""
FEWEST_FACES = 12
"""A closed box."""


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """How a mesh should be. ``face_limit`` is the most triangles it may have; None leaves that to the engine."""

    face_limit: int | None = None
    texture: bool = True
    quality: Quality = "standard"

    def __post_init__(self) -> None:
        if self.face_limit is not None and not FEWEST_FACES <= self.face_limit <= MOST_FACES:
            raise InvalidInput(
                f"face_limit is a whole number from {FEWEST_FACES} to {MOST_FACES}.", face_limit=self.face_limit
            )


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles in space, y up and the front towards +z, with a picture on them.

    ``vertices`` (V, 3) float32, ``faces`` (F, 3) int32 counter-clockwise seen from outside, ``uv`` (V, 2) float32 in
    0..1 with the origin at the lower left, ``texture`` (H, W, 3) uint8; the last two are None together.
    """

    vertices: NDArray[np.float32] = field(repr=False)
    faces: NDArray[np.int32] = field(repr=False)
    uv: NDArray[np.float32] | None = field(default=None, repr=False)
    texture: Pixels | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A finished GLB file from elsewhere, checked to be one, and a picture of it (PNG, JPEG or WebP) where there is."""

    glb: bytes = field(repr=False)
    preview: bytes | None = field(default=None, repr=False)


class MeshWatch(Watch, Protocol):
    """What an engine holds of its job; a job's ``Context`` is one.

    ``checkpoint`` is what an earlier attempt left, JSON or None. What ``progress`` takes as checkpoint is stored
    before it returns or raises: an engine that pays for its work keeps its receipt there.
    """

    @property
    def checkpoint(self) -> Any: ...

    def progress(self, fraction: float, message: str = "", checkpoint: Any = None) -> None: ...

    def log(self, message: str, level: str = "info") -> None: ...


class Unwatched:
    """For a mesh that nobody follows: it forgets its checkpoint with the process."""

    checkpoint: Any = None

    def progress(self, fraction: float, message: str = "", checkpoint: Any = None) -> None:
        if checkpoint is not None:
            self.checkpoint = checkpoint

    def log(self, message: str, level: str = "info") -> None:
        pass

    def check(self) -> None:
        pass


class MeshMaker(Protocol):
    """Makes a model of the thing in a picture. Held by the pool of models and used by several threads.

    ``wants_subject``: whether ``subject``, the mask of that thing, is of use; None is a picture without one.
    ``make`` raises ``RemoteFailure``, ``ModelFailure``, and whatever ``watch`` raises.
    """

    wants_subject: bool
    geometry: Geometry

    def make(
        self, raster: Raster, subject: Mask | None, options: MeshOptions, watch: MeshWatch
    ) -> Mesh | ReadyModel: ...


FORMATS: Mapping[str, str] = {
    "glb": "model/gltf-binary",
    "obj": "model/obj",
    "ply": "model/ply",
    "stl": "model/stl",
}
"""The formats a model can be had in, and their media types; an OBJ with a texture comes as a zip."""
