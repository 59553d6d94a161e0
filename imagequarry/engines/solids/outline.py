"""The outline of a subject as a field, at a resolution that bounds all that is computed from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.engines.solids.grid import Floats

# No finer than a texture shows; half a million triangles have cells of three of these pixels.
WORKING_SIDE = 1024
# A small outline is enlarged, so that its staircase of pixels can be smoothed without losing it.
_SMALL = 256
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Outline:
    """The box of a mask with a margin, in working pixels.

    ``distance`` (h, w) is how far a pixel's centre lies inside the outline, negative outside and on the whole frame.
    The centre of working pixel (x, y) lies at ``(x * scale[0] + corner[0], y * scale[1] + corner[1])`` of the picture,
    whose own pixels have theirs at whole numbers. ``deepest`` is the x and y of the pixel that lies furthest inside.
    """

    distance: Floats = field(repr=False)
    corner: tuple[float, float]
    scale: tuple[float, float]
    deepest: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the outline itself in working pixels, without the margin."""
        height, width = self.distance.shape
        return height - 2 * _MARGIN, width - 2 * _MARGIN

    def in_picture(self, vertices: Floats) -> NDArray[np.float64]:
        """Working pixels (V, 3) as pixels of the picture; heights are scaled as the outline is on average."""
        (across, down), (left, top) = self.scale, self.corner
        # In doubles: of a small thing far from the picture's corner singles would keep three digits.
        return vertices.astype(np.float64) * (across, down, (across * down) ** 0.5) + (left, top, 0)


def outline_of(mask: Mask) -> Outline:
    """The outline of a mask, which must not be empty."""
    inside = mask.crop().view(np.uint8)
    rows, columns = mask.window()
    height, width = inside.shape
    longest = max(height, width)
    factor = min(WORKING_SIDE, max(longest, min(_SMALL, 8 * longest))) / longest
    size = max(1, round(width * factor)), max(1, round(height * factor))
    coverage = _coverage(inside, size)
    scale = width / size[0], height / size[1]
    distance = _distance(coverage)
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    # Centres: working pixel 0 without its margin covers the picture's pixels 0 to scale.
    corner = tuple(
        first + (one - 1) / 2 - _MARGIN * one for first, one in zip((columns.start, rows.start), scale, strict=True)
    )
    return Outline(distance, (corner[0], corner[1]), scale, (int(column), int(row)))


def _coverage(inside: NDArray[np.uint8], size: tuple[int, int]) -> Floats:
    """The share of each working pixel that lies inside, 0..1, with an empty margin around."""
    shrinking = size[0] < inside.shape[1] or size[1] < inside.shape[0]
    way = cv2.INTER_AREA if shrinking else cv2.INTER_NEAREST
    covered = cv2.resize(inside * np.uint8(255), size, interpolation=way)
    framed = cv2.copyMakeBorder(covered, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(framed, np.float32) / np.float32(255)


def _distance(coverage: Floats) -> Floats:
    """Signed distance to the outline, smoothed as far as the thing is thick: a line of one pixel stays."""
    inside = coverage >= min(0.5, float(coverage.max()))
    distance = signed_distance(inside)
    smooth = min(1.5, float(distance.max()) / 3)
    if smooth > 0.4:
        distance = np.asarray(cv2.GaussianBlur(distance, (0, 0), smooth), np.float32)
    distance[[0, -1]] = np.minimum(distance[[0, -1]], -1)
    distance[:, [0, -1]] = np.minimum(distance[:, [0, -1]], -1)
    return distance


def signed_distance(inside: NDArray[np.bool_]) -> Floats:
    """Distance (h, w) from pixel centres to the edge between pixels inside and outside, negative outside."""
    flags = inside.view(np.uint8)
    within = cv2.distanceTransform(flags, cv2.DIST_L2, 5)
    beyond = cv2.distanceTransform(1 - flags, cv2.DIST_L2, 5)
    return np.where(inside, within - np.float32(0.5), np.float32(0.5) - beyond).astype(np.float32)
