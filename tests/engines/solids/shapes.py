"""Outlines that are easy, and outlines that are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh
from imagequarry.domain.raster import Raster
from tests.fixtures.pictures import scene

Bools = NDArray[np.bool_]
SIDE = 240


def _drawn(draw: Callable[[NDArray[np.float64], NDArray[np.float64]], Bools]) -> Mask:
    """A mask of the pixels for which a function of x and y, from -1 to 1, is true."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / (SIDE / 2) - 1
    return Mask.from_array(draw(x, y))


SHAPES: dict[str, Mask] = {
    "disc": _drawn(lambda x, y: x**2 + y**2 < 0.6),
    "ring": _drawn(lambda x, y: (x**2 + y**2 < 0.8) & (x**2 + y**2 > 0.2)),
    "two parts": _drawn(lambda x, y: (abs(x) > 0.2) & (abs(x) < 0.7) & (abs(y) < 0.5)),
    "parts that touch at a corner": _drawn(lambda x, y: (x * y > 0) & (abs(x) < 0.8) & (abs(y) < 0.8)),
    "all of the picture": _drawn(lambda x, y: x < 2),
    "a pixel": _drawn(lambda x, y: (abs(x) < 0.005) & (abs(y) < 0.005)),
    "a line": _drawn(lambda x, y: (abs(y) < 0.005) & (x < 2)),
    "a slanted line": _drawn(lambda x, y: abs(x - y) < 0.005),
    "a chessboard": _drawn(lambda x, y: (np.floor(x * 20) + np.floor(y * 20)) % 2 == 0),
    "noise": Mask.from_array(np.random.default_rng(1).random((SIDE, SIDE)) < 0.4),
}

# Parts and holes: of two spheres 4, of a ring 0.
EULER = {"disc": 2, "ring": 0, "two parts": 4, "parts that touch at a corner": 4, "all of the picture": 2, "a pixel": 2}


def picture(width: int = SIDE, height: int = SIDE) -> Raster:
    return Raster(scene(width, height), "0" * 64)


def solid(mesh: Mesh) -> trimesh.Trimesh:
    """The mesh as it stands, checked to be a closed solid with its outside outside and nothing degenerate."""
    found = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert np.isfinite(mesh.vertices).all()
    assert found.is_watertight
    assert found.is_winding_consistent
    assert found.volume > 0
    assert found.area_faces.min() > 0
    assert len(np.unique(mesh.faces)) == len(mesh.vertices)
    return found
