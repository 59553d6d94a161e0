"""A flat outline blown up into a round body.

The height's square solves Poisson's equation with zero on the outline: a disc becomes half a ball and a strip half a
cylinder (an elliptic one), without the creases along the middle that heights by distance have. It is solved from coarse
to fine.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# The body is smooth: what is finer than this comes from the outline's own distance.
_FINEST = 256
_COARSEST = 16
_TURNS = 40
_THIN = 0.7
_NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4


def inflated(distance: Floats) -> Floats:
    """The square of the height (h, w) in pixels, for a signed distance (h, w) that is negative on the frame.

    Zero outside. A disc of radius R has R in its middle.
    """
    height, width = distance.shape
    longest = max(height, width)
    sides = [min(longest, _FINEST)]
    while sides[-1] > 2 * _COARSEST:
        sides.append(sides[-1] // 2)
    square = np.zeros((1, 1), np.float32)
    for side in reversed(sides):
        size = max(1, round(width * side / longest)), max(1, round(height * side / longest))
        inside = (cv2.resize(distance, size, interpolation=cv2.INTER_AREA) > 0).astype(np.float32)
        # Laplacian of -4: a disc's solution is then R squared less r squared.
        push = inside * np.float32((longest / side) ** 2)
        square = np.asarray(cv2.resize(square, size, interpolation=cv2.INTER_LINEAR), np.float32) * inside
        for _ in range(_TURNS):
            around = cv2.filter2D(square, cv2.CV_32F, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
            square = np.asarray(around * inside + push, np.float32)
    full = np.asarray(cv2.resize(square, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    # What the coarse solution does not see of a thin part is nearly as thick as it is wide; a disc is not made pointed.
    within = np.float32(_THIN) * np.maximum(distance, 0)
    return np.asarray(np.maximum(full, within * within) * (distance > 0), np.float32)
