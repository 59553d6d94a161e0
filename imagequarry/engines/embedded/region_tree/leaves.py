"""The smallest regions of a picture and the figures that describe any set of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats, Ints, Labels
from imagequarry.engines.embedded.region_tree.codes import WORDS, Codes
from imagequarry.engines.embedded.region_tree.graph import Arcs, arcs_between

FIGURES = (
    "log area", "outline edge", "share of outline on the frame", "log compactness", "inner edge", "weak outline",
    "colour step", "texture step", "unlike the rest", "colour disorder", "box filling", "frame sides", "off centre x",
    "centre y", "log aspect", "strong inner edges",
)  # fmt: skip
WEAK, STRONG = 0.15, 0.4


@dataclass(frozen=True, slots=True)
class Leaves:
    """n regions that tile the working picture (h, w), in its pixels.

    ``label`` (h, w); ``area``, ``rim`` (pixels on the frame) (n,); ``centre`` (n, 2) as x, y; ``box`` (n, 4) as
    x0, y0, x1, y1; ``words`` (n, 2 * WORDS) counts of colour and texture codes; ``arcs`` their graph with ``steps``
    (m, 2), the chi2 distance of colours and of textures across each arc. ``places`` are pixels ordered by region,
    at least one each, ``starts`` where each region's begin.
    """

    label: Labels
    area: Floats
    rim: Floats
    centre: Floats
    box: Floats
    words: Floats
    arcs: Arcs
    steps: Floats
    places: Ints
    starts: Ints

    @property
    def count(self) -> int:
        return len(self.area)

    @property
    def nbytes(self) -> int:
        return sum(int(getattr(self, field.name).nbytes) for field in fields(self))

    def describe(self, sets: Bool) -> Floats:
        """The FIGURES of sets of regions (k, n), as (k, len(FIGURES))."""
        h, w = self.label.shape
        member = sets.astype(np.float32)
        by_region = np.ascontiguousarray(sets.T)
        a, b = by_region[self.arcs.a], by_region[self.arcs.b]
        length, strength = self.arcs.length, self.arcs.strength
        per_arc = np.stack([
            length, strength * length, (strength < WEAK) * length, (strength > STRONG) * length,
            self.steps[:, 0] * length, self.steps[:, 1] * length,
        ])  # fmt: skip
        cut = per_arc @ (a ^ b).astype(np.float32)
        inner = per_arc[[0, 1, 3]] @ (a & b).astype(np.float32)
        area = np.maximum(member @ self.area, 1)
        rim = member @ self.rim
        outline = np.maximum(cut[0] + rim, 1)
        contact = np.maximum(cut[0], 1)
        colour = member @ self.words[:, :WORDS]
        total = self.words[:, :WORDS].sum(0)
        here = colour / area[:, None]
        there = (total - colour) / np.maximum(total.sum() - area, 1)[:, None]
        x0, y0, x1, y1 = self.bounds(sets).T
        centre = member @ (self.centre * self.area[:, None]) / area[:, None]
        return np.stack([
            np.log(area / (h * w)),
            cut[1] / contact,
            rim / outline,
            np.log(outline**2 / (4 * np.pi * area)),
            inner[1] / np.maximum(inner[0], 1),
            cut[2] / contact,
            cut[4] / contact,
            cut[5] / contact,
            0.5 * ((here - there) ** 2 / (here + there + 1e-6)).sum(1),
            -(here * np.log(here + 1e-6)).sum(1),
            area / np.maximum((x1 - x0) * (y1 - y0), 1),
            1.0 * (x0 <= 0) + (y0 <= 0) + (x1 >= w) + (y1 >= h),
            np.abs(centre[:, 0] / w - 0.5),
            centre[:, 1] / h,
            np.log((x1 - x0) / np.maximum(y1 - y0, 1)),
            inner[2] / np.maximum(inner[0], 1),
        ], 1, dtype=np.float32)  # fmt: skip

    def bounds(self, sets: Bool) -> Floats:
        """The boxes (k, 4) of sets of regions (k, n), none of them empty."""
        low = [np.where(sets, self.box[:, i], np.float32(np.inf)).min(1) for i in (0, 1)]
        high = [np.where(sets, self.box[:, i], np.float32(0)).max(1) for i in (2, 3)]
        return np.stack([*low, *high], 1)

    def distances(self, x: float, y: float) -> tuple[Floats, float]:
        """Distance in pixels from a position to every region (n,), to within a pixel, and to the frame."""
        h, w = self.label.shape
        row, column = np.divmod(self.places, w)
        squared = (column - x) ** 2 + (row - y) ** 2
        nearest = np.minimum.reduceat(squared, self.starts)
        return np.sqrt(nearest, dtype=np.float32), min(x + 1, y + 1, w - x, h - y)


def measure_leaves(label: Ints, edge: Floats, codes: Codes) -> Leaves:
    """The leaves of a label map (h, w) with values 0..n-1, given boundary strength (h, w, k) and pixel codes."""
    h, w = label.shape
    flat = label.ravel()
    n = int(flat.max()) + 1
    area = np.bincount(flat, minlength=n).astype(np.float32)
    row, column = np.divmod(np.arange(h * w), w)
    frame = (row == 0) | (row == h - 1) | (column == 0) | (column == w - 1)
    order = np.argsort(flat, kind="stable")
    begin = np.concatenate([[0], np.cumsum(area[:-1])]).astype(np.int64)
    box = np.stack([
        np.minimum.reduceat(column[order], begin), np.minimum.reduceat(row[order], begin),
        np.maximum.reduceat(column[order], begin) + 1, np.maximum.reduceat(row[order], begin) + 1,
    ], 1)  # fmt: skip
    counts = [
        np.bincount(flat * WORDS + code.ravel(), minlength=n * WORDS).reshape(n, WORDS)
        for code in (codes.colour, codes.texture)
    ]
    words = np.concatenate(counts, 1).astype(np.float32)
    arcs = arcs_between(label, edge)
    share = words / area[:, None]
    p, q = share[arcs.a], share[arcs.b]
    chi2 = (p - q) ** 2 / (p + q + np.float32(1e-9)) / 2
    steps = np.stack([chi2[:, :WORDS].sum(1), chi2[:, WORDS:].sum(1)], 1)
    # distances need no more than every other pixel, and one of every region
    sparse = (row % 2 + column % 2 == 0)[order]
    sparse[begin] = True
    places = order[sparse]
    starts = np.searchsorted(np.flatnonzero(sparse), begin)
    centre = np.stack([np.bincount(flat, axis, n) for axis in (column, row)], 1) / area[:, None]
    return Leaves(
        label.astype(np.uint16), area, np.bincount(flat, frame, n).astype(np.float32), centre.astype(np.float32),
        box.astype(np.float32), words, arcs, steps.astype(np.float32), places, starts,
    )  # fmt: skip
