"""The figures that describe a set of regions, from sums over its regions and over the arcs inside it."""

from __future__ import annotations

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Floats
from imagequarry.engines.embedded.region_tree.colours import WORDS

FIGURES = (
    "log area",
    "outline edge",
    "share of outline on the frame",
    "log compactness",
    "inner edge",
    "weak outline",
    "colour step",
    "kind step",
    "unlike the rest in colour",
    "unlike the rest in kind",
    "colour disorder",
    "kind disorder",
    "box filling",
    "frame sides",
    "off centre x",
    "centre y",
    "log aspect",
    "strong inner edges",
)
KINDS = 12
ARC_SUMS = 6
LEAF_SUMS = 4 + WORDS + KINDS + 1 + ARC_SUMS


def figures(sums: Floats, inner: Floats, bounds: Floats, shape: tuple[int, int]) -> Floats:
    """The FIGURES of k sets of regions, (k, len(FIGURES)); the last set must be the whole picture.

    ``sums`` (k, LEAF_SUMS) over the regions: area, pixels on the frame, and times area x, y, colour shares, kind and
    squared length of kind; and of all arcs of each region the ARC_SUMS: length and, times length, strength, weak,
    strong, colour step, kind step. ``inner`` (k, ARC_SUMS) over the arcs between two regions of the set. ``bounds``
    (k, 4) are boxes, ``shape`` (h, w) the working picture's.
    """
    h, w = shape
    area, rim = np.maximum(sums[:, 0], 1), sums[:, 1]
    means = sums[:, 2:-ARC_SUMS] / area[:, None]
    rest = (sums[-1] - sums)[:, 2:-ARC_SUMS] / np.maximum(sums[-1, 0] - area, 1)[:, None]
    x, y, colour, kind, power = (
        means[:, 0],
        means[:, 1],
        means[:, 2 : 2 + WORDS],
        means[:, 2 + WORDS : -1],
        means[:, -1],
    )
    other_colour, other_kind = rest[:, 2 : 2 + WORDS], rest[:, 2 + WORDS : -1]
    cut = np.maximum(sums[:, -ARC_SUMS:] - 2 * inner, 0)
    outline = np.maximum(cut[:, 0] + rim, 1)
    step = cut / np.maximum(cut[:, :1], 1)
    within = inner / np.maximum(inner[:, :1], 1)
    x0, y0, x1, y1 = bounds.T
    return np.stack(
        [
            np.log(area / (h * w)),
            step[:, 1],
            rim / outline,
            np.log(outline**2 / (4 * np.pi * area)),
            within[:, 1],
            step[:, 2],
            step[:, 4],
            step[:, 5],
            0.5 * ((colour - other_colour) ** 2 / (colour + other_colour + 1e-6)).sum(1),
            np.minimum(((kind - other_kind) ** 2).sum(1), 12),
            -(colour * np.log(colour + 1e-6)).sum(1),
            np.maximum(power - (kind**2).sum(1), 0),
            area / np.maximum((x1 - x0) * (y1 - y0), 1),
            1.0 * (x0 <= 0) + (y0 <= 0) + (x1 >= w) + (y1 >= h),
            np.abs(x / w - 0.5),
            y / h,
            np.log(np.maximum(x1 - x0, 1) / np.maximum(y1 - y0, 1)),
            within[:, 3],
        ],
        1,
        dtype=np.float32,
    )
