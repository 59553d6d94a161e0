"""A subject without what would be dust in space: specks beside it and pinholes in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask

# As shares of the subject: a part is kept from this size on, and so is a hole.
_PART, _HOLE = 0.02, 0.002


def tidied(mask: Mask) -> Mask:
    """The mask without parts and holes that are small beside all of it; its largest part stays."""
    inside = mask.crop(1).view(np.uint8)
    kept = _large(inside, _PART * mask.area)
    filled = ~_large((~kept).view(np.uint8), _HOLE * mask.area)
    rows, columns = mask.window(1)
    return Mask.from_crop(filled, columns.start, rows.start, mask.height, mask.width)


def _large(flags: NDArray[np.uint8], least: float) -> NDArray[np.bool_]:
    """Which of the flags are in connected parts of at least so many pixels, or in the largest."""
    _, labels, figures, _ = cv2.connectedComponentsWithStats(flags, connectivity=4)
    area = figures[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    wanted = (area >= least) | (area == area.max())
    wanted[0] = False
    return np.asarray(wanted[labels], np.bool_)
