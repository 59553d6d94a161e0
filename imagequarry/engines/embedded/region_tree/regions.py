"""The smallest regions: watershed basins of the boundary strength."""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Floats, Ints

MOST_REGIONS = 1600
NEIGHBOURS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def small_regions(strength: Floats) -> Ints:
    """Label 0..n-1 of each pixel, (h, w), n at most MOST_REGIONS; ``strength`` is smoothed more until that holds."""
    sigma = 1.0
    while True:
        smooth = cv2.GaussianBlur(strength, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        label = basins(np.asarray(smooth, np.float32))
        if label.max() < MOST_REGIONS:
            return label
        sigma *= 1.4


def basins(height: Floats) -> Ints:
    """Watershed by steepest descent: every pixel runs down to its local minimum; labels 0..n-1, (h, w)."""
    h, w = height.shape
    # a slope too small to matter anywhere but on flat areas, which drain to a corner instead of splitting into pixels
    slope = 1e-5 * (np.arange(h, dtype=np.float32)[:, None] + np.arange(w, dtype=np.float32)) / (h + w)
    walled = np.pad(height + slope, 1, constant_values=np.inf)
    lowest, step = walled[1 : 1 + h, 1 : 1 + w].copy(), np.zeros((h, w), np.int64)
    for dy, dx in NEIGHBOURS[1:]:
        neighbour = walled[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w]
        lower = neighbour < lowest
        lowest[lower] = neighbour[lower]
        step[lower] = dy * w + dx
    target = np.arange(h * w) + step.ravel()
    while True:
        further = target[target]
        if np.array_equal(further, target):
            break
        target = further
    minimum = target == np.arange(h * w)
    number = np.cumsum(minimum) - 1
    return np.asarray(number[target].reshape(h, w), np.int64)
