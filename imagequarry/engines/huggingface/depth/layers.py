"""A scene without a subject, cut along the edges of its depth.

Between a thing and what lies far behind it no surface was seen: one drawn across would be a sheet of smeared colours.
So the scene is cut there, and each layer becomes a column with upright walls over one flat back.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions
from imagequarry.domain.raster import Raster
from imagequarry.engines.solids.closing import column, faces_of_column
from imagequarry.engines.solids.fitting import fitted
from imagequarry.engines.solids.grid import read
from imagequarry.engines.solids.outline import outline_of
from imagequarry.engines.solids.patch import Size, patch_of
from imagequarry.engines.solids.skin import limit_of, skin_of
from imagequarry.engines.solids.slab import slab_over

Floats = NDArray[np.float32]

# A step of this share of all depth within so many pixels of the model is an edge and no slope.
_STEP, _WITHIN = 0.1, 5
# Layers smaller than this share of the picture fall away.
_SMALLEST = 0.001
# How thick the furthest is, and how much further the nearest stands out, as shares of the longer side.
_THIN, _DEEP = 0.03, 0.3
# The columns of the coarsest patch.
_LEAST = faces_of_column(Size(6, 6))


def layers_over(raster: Raster, near: Floats, options: MeshOptions) -> Mesh:
    """A closed mesh of at most the limit's faces over depth (h, w), 0 (furthest) to 1."""
    # Models smear an edge over some pixels; a median makes it a step again without moving it.
    steep = np.asarray(cv2.medianBlur(cv2.medianBlur(near, 5), 5), np.float32)
    whole = _between_edges(steep)
    if limit_of(options) < _LEAST or whole.all() or not whole.any():
        return slab_over(raster, options, lambda columns, rows: _resized(steep, columns, rows))
    outline = outline_of(Mask.from_array(whole))
    patch = patch_of(fitted(outline.distance, outline.deepest, limit_of(options), faces_of_column))
    points = outline.in_picture(np.column_stack([patch.points, np.zeros(len(patch.points), np.float32)]))
    # The outline is that of the model's pixels; from here on all is in the picture's.
    scale = np.array([raster.width / near.shape[1], raster.height / near.shape[0]])
    longest = max(raster.size)
    front = longest * (_THIN + _DEEP * read(steep, points[:, :2].astype(np.float32)))
    vertices, faces = column(patch, np.asarray(front, np.float32), np.zeros(len(front), np.float32))
    flat = np.tile((points[:, :2] + 0.5) * scale - 0.5, (2, 1))
    return skin_of(raster, None, options).over(np.column_stack([flat, vertices[:, 2]]), faces)


def _between_edges(near: Floats) -> NDArray[np.bool_]:
    """(h, w) all places but those that depth changes steeply at, and but slivers between them."""
    around = np.ones((_WITHIN, _WITHIN), np.uint8)
    kept = (cv2.dilate(near, around) - cv2.erode(near, around) < _STEP).astype(np.uint8)
    _, labels, figures, _ = cv2.connectedComponentsWithStats(kept, connectivity=4)
    large = figures[:, cv2.CC_STAT_AREA] >= _SMALLEST * kept.size
    large[0] = False
    return np.asarray(large[labels], np.bool_)


def _resized(near: Floats, columns: int, rows: int) -> Floats:
    return np.asarray(cv2.resize(near, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
