"""A body from the outline of a picture's subject; a slab where there is none. It invents nothing that is not seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.card import Geometry, ModelCard
from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions, MeshWatch
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.relief.light import relief_of
from imagequarry.engines.solids.closing import cushion, faces_of_cushion
from imagequarry.engines.solids.fitting import fitted
from imagequarry.engines.solids.grid import read
from imagequarry.engines.solids.inflation import inflated
from imagequarry.engines.solids.outline import Outline, outline_of
from imagequarry.engines.solids.patch import patch_of
from imagequarry.engines.solids.skin import limit_of, skin_of
from imagequarry.engines.solids.slab import cells_within, slab

Floats = NDArray[np.float32]

# Shares of the longer side of the subject or picture.
_THICKEST = 0.22
_RELIEF = 0.012
_SLAB, _SLAB_RELIEF = 0.02, 0.05
# The relief fades in over this share of the thickest half.
_FADE = 0.25

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
            return _slab(raster, options)
        return _body(raster, subject, options)


def _body(raster: Raster, subject: Mask, options: MeshOptions) -> Mesh:
    """The outline blown up; in front with the picture's light as a faint relief, behind smooth."""
    outline = outline_of(subject)
    grid = fitted(outline.distance, outline.deepest, limit_of(options), faces_of_cushion)
    patch = patch_of(grid)
    height = np.sqrt(read(inflated(outline.distance), patch.points), dtype=np.float32)
    longest = max(outline.size)
    scale = min(1.0, _THICKEST * longest / max(float(height.max()), 1e-6))
    light = read(relief_of(raster, outline), patch.points)
    fade = np.clip(read(outline.distance, patch.points) / (_FADE * max(float(outline.distance.max()), 1.0)), 0, 1)
    front = np.maximum(scale * height + _RELIEF * longest * light * fade, scale * height / 2)
    vertices, faces = cushion(patch, np.asarray(front, np.float32), -np.float32(scale) * height)
    return skin_of(raster, subject, options).over(_in_picture(vertices, outline), faces)


def _in_picture(vertices: Floats, outline: Outline) -> NDArray[np.float64]:
    """Working pixels (V, 3) as pixels of the picture; heights are scaled as the outline is on average."""
    (across, down), (left, top) = outline.scale, outline.corner
    # In doubles: of a small thing far from the picture's corner singles would keep three digits.
    return vertices.astype(np.float64) * (across, down, (across * down) ** 0.5) + (left, top, 0)


def _slab(raster: Raster, options: MeshOptions) -> Mesh:
    """The whole picture as a relief, light parts high."""
    height, width = raster.size
    columns, rows = cells_within(limit_of(options), width, height)
    xs = np.linspace(-0.5, width - 0.5, columns + 1, dtype=np.float32)
    ys = np.linspace(-0.5, height - 0.5, rows + 1, dtype=np.float32)
    grey = cv2.cvtColor(raster.rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (columns + 1, rows + 1), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    smooth = cv2.GaussianBlur(small, (0, 0), max(0.5, min(columns, rows) / 100))
    # A strip of a picture is no thicker than it is wide.
    side = min(max(width, height), 4 * min(width, height))
    heights = np.asarray(side * (_SLAB + _SLAB_RELIEF * smooth), np.float32)
    vertices, faces = slab(heights, xs, ys, 0.0)
    return skin_of(raster, None, options).over(vertices, faces)
