"""A surface of triangles with a picture on it, and what every engine does that makes one from a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.watch import Watch
from imagequarry.errors import InvalidInput

Quality = Literal["draft", "standard", "high"]
Geometry = Literal["2.5d", "3d"]
"""What is known of the far side: "2.5d" is guessed from the outline, "3d" is a whole body."""

Vectors3 = NDArray[np.float32]
Faces = NDArray[np.int32]

QUALITIES: tuple[Quality, ...] = get_args(Quality)
MOST_FACES = 1_000_000


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """What a caller wishes of a mesh.

    ``face_limit``: never more triangles than that, 1..MOST_FACES; None leaves their number to ``quality``, which also
    decides the size of the texture. ``texture``: whether the picture is to be on the mesh. InvalidInput for others.
    """

    face_limit: int | None = None
    texture: bool = True
    quality: Quality = "standard"

    def __post_init__(self) -> None:
        if self.face_limit is not None and not 1 <= self.face_limit <= MOST_FACES:
            raise InvalidInput(
                f"face_limit must be a whole number from 1 to {MOST_FACES}.",
                face_limit=self.face_limit,
                most=MOST_FACES,
            )
        if self.quality not in QUALITIES:
            raise InvalidInput(f"quality must be one of {', '.join(QUALITIES)}.", allowed=list(QUALITIES))


@dataclass(frozen=True)
class Mesh:
    """Triangles in space, in glTF's axes: x to the right, y up, z towards the viewer; the longest side is 1 long.

    ``vertices`` (V, 3) float32; ``faces`` (F, 3) int32, corners counter-clockwise seen from outside. ``uv`` (V, 2)
    float32 says where in ``texture``, (H, W, 3) uint8 sRGB, a vertex lies: 0..1, u to the right, v up. ``colours``
    (V, 4) uint8 are those of vertices where there is no texture.
    """

    vertices: Vectors3 = field(repr=False)
    faces: Faces = field(repr=False)
    uv: NDArray[np.float32] | None = field(default=None, repr=False)
    texture: Pixels | None = field(default=None, repr=False)
    colours: NDArray[np.uint8] | None = field(default=None, repr=False)

    @cached_property
    def normals(self) -> Vectors3:
        """(V, 3) float32, of length 1: the mean direction of the faces at a vertex, the larger ones counting more."""
        corners = self.vertices[self.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total = np.empty(self.vertices.shape, np.float64)
        flat = self.faces.ravel()
        for axis in range(3):
            total[:, axis] = np.bincount(flat, np.repeat(across[:, axis], 3), len(self.vertices))
        length = np.linalg.norm(total, axis=1, keepdims=True)
        # A vertex that no face has an area at points anywhere; towards the viewer is as good as any.
        return np.where(length > 0, total / np.maximum(length, 1e-30), (0.0, 0.0, 1.0)).astype(np.float32)

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, height and depth of its box."""
        spread = np.ptp(self.vertices, axis=0)
        return float(spread[0]), float(spread[1]), float(spread[2])


class MeshMaker(Protocol):
    """A loaded engine that makes meshes from pictures. May be called from many threads at once."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...

    @property
    def geometry(self) -> Geometry:
        """What it knows of the far side."""
        ...

    def make(self, image: Raster, mask: Mask | None, options: MeshOptions, watch: Watch) -> Mesh:
        """The subject under the mask as a closed surface; the whole picture where there is none or it is empty.

        Never more faces than ``options.face_limit``: InvalidInput, naming the least, where it cannot be kept.
        """
        ...
