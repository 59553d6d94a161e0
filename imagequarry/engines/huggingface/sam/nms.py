"""Non-maximum suppression of boxes: of two that overlap much, the better one stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32] | NDArray[np.float64]


def suppress(boxes: NDArray[np.float32], scores: FloatArray, threshold: float) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best first; among equals the earlier one goes first.

    ``boxes`` (n, 4) as x0, y0, x1, y1; a box goes when its IoU with a better one that stays is above the threshold.
    The same decisions as ``torchvision.ops.nms``, in single precision as there.
    """
    order = np.argsort(-scores, kind="stable")
    x0, y0, x1, y1 = boxes[order].astype(np.float32).T
    areas = (x1 - x0) * (y1 - y0)
    alive = np.ones(len(order), dtype=np.bool_)
    for i in range(len(order)):
        if not alive[i]:
            continue
        rest = np.flatnonzero(alive[i + 1 :]) + i + 1
        width = np.minimum(x1[i], x1[rest]) - np.maximum(x0[i], x0[rest])
        height = np.minimum(y1[i], y1[rest]) - np.maximum(y0[i], y0[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        # Multiplied out it would decide ties otherwise; two empty boxes give 0/0, which is above nothing.
        with np.errstate(invalid="ignore", divide="ignore"):
            alive[rest[shared / (areas[i] + areas[rest] - shared) > threshold]] = False
    return order[alive]
