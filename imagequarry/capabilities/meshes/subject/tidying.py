"""A subject without what would be dust in space: specks beside it and pinholes in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask

# As shares of the subject: a part is kept from this size on, and so is a hole.
_PART, _HOLE = 0.02, 0.002
_MOST_HOLES = 12


def tidied(mask: Mask) -> Mask:
    """The mask without parts and holes that are small beside all of it; its largest part stays."""
    inside = mask.crop(1).view(np.uint8)
    kept = _large(inside, _PART * mask.area)
    filled = ~_large((~kept).view(np.uint8), _HOLE * mask.area)
    rows, columns = mask.window(1)
    return Mask.from_crop(filled, columns.start, rows.start, mask.height, mask.width)


def holes_of(mask: Mask) -> list[Mask]:
    """The holes of a mask, the largest first."""
    outside = (~mask.crop(1)).view(np.uint8)
    rows, columns = mask.window(1)
    count, labels, figures, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    # What reaches the frame of the window, or the picture's, is no hole but what is around.
    around = set(np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])).tolist())
    found = [number for number in range(1, count) if number not in around]
    found.sort(key=lambda number: -int(figures[number, cv2.CC_STAT_AREA]))
    return [
        Mask.from_crop(labels == number, columns.start, rows.start, mask.height, mask.width)
        for number in found[:_MOST_HOLES]
    ]


def _large(flags: NDArray[np.uint8], least: float) -> NDArray[np.bool_]:
    """Which of the flags are in connected parts of at least so many pixels, or in the largest."""
    _, labels, figures, _ = cv2.connectedComponentsWithStats(flags, connectivity=4)
    area = figures[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    wanted = area >= least
    wanted[area.argmax()] = True
    wanted[0] = False
    return np.asarray(wanted[labels], np.bool_)
