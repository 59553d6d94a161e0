"""A model as arrays: what all formats are written from and previews are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mesh import Mesh
from imagequarry.domain.raster import Pixels

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Shape:
    """Triangles in space with a picture on them, or with a colour at each vertex, or plain.

    ``vertices`` (V, 3), ``faces`` (F, 3) counter-clockwise; ``uv`` (V, 2) from the lower left, repeating beyond 0..1,
    and ``texture`` (H, W, 3) are None together; ``colours`` (V, 3).
    """

    vertices: Floats = field(repr=False)
    faces: Ints = field(repr=False)
    uv: Floats | None = field(default=None, repr=False)
    texture: Pixels | None = field(default=None, repr=False)
    colours: Pixels | None = field(default=None, repr=False)

    @classmethod
    def of(cls, mesh: Mesh) -> Shape:
        """What an engine made."""
        return cls(mesh.vertices, mesh.faces, mesh.uv, mesh.texture)

    @cached_property
    def normals(self) -> Floats:
        """(V, 3) unit normals of the vertices, each the mean of its faces' by their area; upright where none is."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        one, two = b - a, c - a
        total = np.zeros((len(self.vertices), 3), np.float64)
        for axis in range(3):
            first, second = (axis + 1) % 3, (axis + 2) % 3
            doubled = one[:, first] * two[:, second] - one[:, second] * two[:, first]
            for corner in range(3):
                total[:, axis] += np.bincount(self.faces[:, corner], doubled, len(total))
        length = np.sqrt(np.einsum("va,va->v", total, total))[:, None]
        lost = length[:, 0] < 1e-30
        total[lost], length[lost] = (0, 1, 0), 1
        return np.asarray(total / length, np.float32)

    def painted(self) -> Pixels | None:
        """(V, 3) the colour at each vertex, None where the model is plain."""
        if self.uv is None or self.texture is None:
            return self.colours
        return read_at(self.texture, self.uv)


def read_at(texture: Pixels, uv: Floats) -> Pixels:
    """(N, 3) the texture's pixels at coordinates (N, 2)."""
    height, width = texture.shape[:2]
    if uv.size and (uv.min() < 0 or uv.max() > 1):
        # One stays one: only what lies beyond begins anew.
        uv = np.where((uv < 0) | (uv > 1), uv % 1, uv)
    across, up = uv.T
    column = np.minimum((across * width).astype(np.intp), width - 1)
    row = np.minimum(((1 - up) * height).astype(np.intp), height - 1)
    return np.asarray(texture[row, column], np.uint8)
