"""The picture on a solid, and the solid in the coordinates of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions, Quality
from imagequarry.domain.raster import Pixels, Raster

SIDES: Mapping[Quality, int] = {"draft": 512, "standard": 1024, "high": 2048}
FACES: Mapping[Quality, int] = {"draft": 10_000, "standard": 60_000, "high": 200_000}
"""How many faces a mesh has where nobody limits them."""

# Texture pixels along the outline that are as much background as subject.
_MIXED = 1.5


def limit_of(options: MeshOptions) -> int:
    """The most faces a mesh may have."""
    return options.face_limit or FACES[options.quality]


@dataclass(frozen=True, slots=True)
class Skin:
    """The part of a picture that is the texture: its first column and row, and its width and height in pixels."""

    left: float
    top: float
    width: float
    height: float
    texture: Pixels | None = field(repr=False)

    def over(self, vertices: NDArray[np.floating], faces: NDArray[np.int32]) -> Mesh:
        """The mesh of a solid (V, 3) in pixels of the picture, whose pixels' centres lie at whole numbers.

        Its box is centred on the origin, and the longest side of that is 1.
        """
        low, high = vertices.min(0), vertices.max(0)
        size = max(float((high - low).max()), 1e-6)
        placed = (vertices - (low + high) / 2) / size * (1, -1, 1)
        uv = None
        if self.texture is not None:
            across = (vertices[:, 0] + 0.5 - self.left) / self.width
            up = 1 - (vertices[:, 1] + 0.5 - self.top) / self.height
            uv = np.clip(np.column_stack([across, up]), 0, 1).astype(np.float32)
        return Mesh(placed.astype(np.float32), faces, uv, self.texture)


def skin_of(raster: Raster, subject: Mask | None, options: MeshOptions) -> Skin:
    """The picture, or the part of it where the subject is with the subject's own colours around it."""
    rows, columns = (slice(0, raster.height), slice(0, raster.width)) if subject is None else subject.window(1)
    width, height = columns.stop - columns.start, rows.stop - rows.start
    texture: Pixels | None = None
    if options.texture:
        part = raster.rgb[rows, columns]
        factor = min(1.0, SIDES[options.quality] / max(part.shape[:2]))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        texture = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        if subject is not None:
            inside = cv2.resize(subject.crop(1).view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            texture = _bled(texture, np.asarray(inside, np.uint8))
    return Skin(columns.start, rows.start, width, height, texture)


def _bled(texture: Pixels, inside: Pixels) -> Pixels:
    """The texture with the colours of the subject's nearest pixels all around it.

    The rim of a solid lies on pixels that are half background, and a renderer that shrinks a texture mixes in more.
    """
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    own = (depth > min(_MIXED, float(depth.max()) / 2)).astype(np.uint8)
    if own.all() or not own.any():
        return texture
    _, nearest = cv2.distanceTransformWithLabels(1 - own, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(int(nearest.max()) + 1, np.intp)
    place = np.flatnonzero(own)
    source[nearest.ravel()[place]] = place
    return np.asarray(texture.reshape(-1, 3)[source[nearest]], np.uint8)
