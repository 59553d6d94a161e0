"""A subject that was found in a smaller picture, outlined in the picture itself."""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster

# The part of the picture in which the outline is drawn has this longest side at most: a mesh sees no more.
_SIDE = 1024
# Pixels of the small mask on both sides of its outline that may be either.
_BAND = 1.5


def outlined(raster: Raster, mask: Mask) -> Mask:
    """The mask, of the same picture made smaller, at the picture's size, its outline moved to the picture's edges.

    A band along the outline is flooded from both sides over the slightly blurred picture, where colours change least
    first (F. Meyer's watershed, 1992). A mask that has the picture's size already stays as it is.
    """
    if mask.size == raster.size:
        return mask
    rows, columns = mask.window(8)
    inside = mask.crop(8).view(np.uint8)
    top, bottom = (round(row * raster.height / mask.height) for row in (rows.start, rows.stop))
    left, right = (round(column * raster.width / mask.width) for column in (columns.start, columns.stop))
    part = raster.rgb[top:bottom, left:right]
    factor = min(1.0, _SIDE / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
    by = max(size[0] / inside.shape[1], 1.0)
    seen = cv2.GaussianBlur(cv2.resize(part, size, interpolation=cv2.INTER_AREA), (0, 0), 0.5 * by)
    large = cv2.resize(inside * np.uint8(255), size, interpolation=cv2.INTER_LINEAR) > 127
    band = np.ones((2 * round(_BAND * by) + 1,) * 2, np.uint8)
    flags = large.view(np.uint8)
    sure = cv2.erode(flags, band) == cv2.dilate(flags, band)
    marks: cv2.typing.MatLike = np.where(sure, flags.astype(np.int32) + 1, 0)
    # The flood leaves the outermost pixels out, so it gets a rim to leave out.
    marks = cv2.copyMakeBorder(marks, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cv2.watershed(cv2.copyMakeBorder(seen, 1, 1, 1, 1, cv2.BORDER_REPLICATE), marks)
    flooded = marks[1:-1, 1:-1]
    drawn = np.where(flooded > 0, flooded == 2, large).astype(np.uint8) * np.uint8(255)
    smooth = cv2.medianBlur(drawn, 5)
    whole = cv2.resize(smooth, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR) > 127
    found = Mask.from_crop(whole, left, top, raster.height, raster.width)
    return found if found.area else Mask.from_crop(whole | True, left, top, raster.height, raster.width)
