"""The picture as the skin of a solid: cut to the subject, whose colours run on beyond its outline."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import BoolArray, Mask
from imagequarry.domain.mesh import Quality, Vectors3
from imagequarry.domain.raster import Pixels, Raster

LONGEST_SIDE: dict[Quality, int] = {"draft": 1024, "standard": 2048, "high": 4096}

_MARGIN = 2
_EDGE = 1.5  # pixels beside the outline that hold some background too


@dataclass(frozen=True, slots=True)
class Skin:
    """A texture, and the part of the picture it shows: corner and size in pixels of the picture."""

    pixels: Pixels = field(repr=False)
    x0: float
    y0: float
    width: float
    height: float

    def uv(self, points: Vectors3) -> NDArray[np.float32]:
        """(V, 2) places in the texture of points in the picture: both sides of a solid show the same."""
        u = (points[:, 0] + 0.5 - self.x0) / self.width
        v = 1 - (points[:, 1] + 0.5 - self.y0) / self.height
        return np.clip(np.stack([u, v], 1), 0, 1).astype(np.float32)


def skin_of(image: Raster, mask: Mask | None, quality: Quality) -> Skin:
    """The part of the picture under the mask, or all of it, no larger than the quality wants."""
    if mask is None:
        return Skin(_shrunk(image.rgb, LONGEST_SIDE[quality]), 0, 0, image.width, image.height)
    rows, columns = mask.window(_MARGIN)
    pixels = _shrunk(image.rgb[rows, columns], LONGEST_SIDE[quality])
    inside = mask.crop(_MARGIN).astype(np.uint8)
    inside = np.asarray(cv2.resize(inside, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST))
    skin = _continued(pixels, inside)
    return Skin(skin, columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def _continued(pixels: Pixels, inside: NDArray[np.uint8]) -> Pixels:
    """The colours well inside continued outwards: each other pixel has those of the nearest one inside."""
    depth = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    pure: BoolArray = depth > min(_EDGE, 0.9 * float(depth.max()))
    if not pure.any() or pure.all():
        return pixels
    _, nearest = cv2.distanceTransformWithLabels(
        (~pure).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(nearest)
    place = np.zeros(int(labels.max()) + 1, np.intp)
    place[labels[pure]] = np.flatnonzero(pure)
    continued: Pixels = pixels.reshape(-1, 3)[place[labels]]
    return continued


def _shrunk(pixels: Pixels, longest: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
