"""The smallest regions of a picture, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Bytes, Floats, Ints, Labels
from imagequarry.engines.embedded.region_tree.colours import WORDS
from imagequarry.engines.embedded.region_tree.edge_net import CELL, Perception
from imagequarry.engines.embedded.region_tree.figures import figures
from imagequarry.engines.embedded.region_tree.graph import Arcs, Paths, arcs_between, paths_along

WEAK, STRONG = 0.1, 0.3
ALIKE = 3.0


@dataclass(frozen=True, slots=True)
class Leaves:
    """n regions that tile the working picture (h, w), in its pixels.

    ``label`` (h, w); ``area`` (n,); ``centre`` (n, 2) as x, y; ``box`` (n, 4) as x0, y0, x1, y1; ``colour``
    (n, WORDS) pixels of each colour word; ``kind`` (n, KINDS) the mean of the network's grouping features; ``arcs``
    their graph and ``paths`` the same for random walks. ``sums`` (n, LEAF_SUMS) and ``arc_sums`` (m, ARC_SUMS) are
    what figures are made of. ``places`` (2, p) are x and y of pixels ordered by region, at least one
    each, ``starts`` where each region's begin.
    """

    label: Labels
    area: Floats
    centre: Floats
    box: Floats
    colour: Floats
    kind: Floats
    arcs: Arcs
    paths: Paths
    sums: Floats
    arc_sums: Floats
    places: Floats
    starts: Ints

    @property
    def count(self) -> int:
        return len(self.area)

    @property
    def nbytes(self) -> int:
        return sum(int(getattr(self, field.name).nbytes) for field in fields(self))

    def describe(self, sets: Bool) -> Floats:
        """The FIGURES of sets of regions (k, n), as (k, len(FIGURES))."""
        by_region = np.ascontiguousarray(np.concatenate([sets, np.ones((1, self.count), np.bool_)]).T)
        both = by_region[self.arcs.a] & by_region[self.arcs.b]
        inner = both.T.astype(np.float32) @ self.arc_sums
        sums = by_region.T.astype(np.float32) @ self.sums
        bounds = np.concatenate([self.bounds(sets), np.zeros((1, 4), np.float32)])
        return figures(sums, inner, bounds, self.label.shape)[:-1]

    def bounds(self, sets: Bool) -> Floats:
        """The boxes (k, 4) of sets of regions (k, n), none of them empty."""
        low = [np.where(sets, self.box[:, i], np.float32(np.inf)).min(1) for i in (0, 1)]
        high = [np.where(sets, self.box[:, i], np.float32(0)).max(1) for i in (2, 3)]
        return np.stack([*low, *high], 1)

    def akin(self, leaf: int) -> Floats:
        """How likely each region belongs to the same thing as ``leaf``, (n,) 0..1, by kind alone."""
        return probably_one(((self.kind - self.kind[leaf]) ** 2).sum(1))

    def distances(self, x: float, y: float) -> tuple[Floats, float]:
        """Distance in pixels from a position to every region (n,), to within a pixel, and to the frame."""
        h, w = self.label.shape
        across, down = self.places - np.array([[x], [y]], np.float32)
        nearest = np.minimum.reduceat(across * across + down * down, self.starts)
        return np.sqrt(nearest), min(x + 1, y + 1, w - x, h - y)


def probably_one(squared: Floats) -> Floats:
    """How likely regions at a squared distance of kind belong to one thing, as the network was trained to tell."""
    return np.asarray(1 / (1 + np.exp(np.minimum(squared, 30) - ALIKE)), np.float32)


def measure_leaves(label: Ints, seen: Perception, words: Bytes) -> Leaves:
    """The leaves of a label map (h, w) with values 0..n-1, given what the network saw and the colour words (h, w)."""
    h, w = label.shape
    flat = label.ravel()
    n = int(flat.max()) + 1
    area = np.bincount(flat, minlength=n).astype(np.float32)
    row, column = np.divmod(np.arange(h * w), w)
    order = np.argsort(flat.astype(np.uint16), kind="stable")
    begin = np.concatenate([[0], np.cumsum(area[:-1])]).astype(np.int64)
    x, y = column[order], row[order]
    low = [np.minimum.reduceat(v, begin) for v in (x, y)]
    high = [np.maximum.reduceat(v, begin) + 1 for v in (x, y)]
    box = np.stack([*low, *high], 1).astype(np.float32)
    centre = np.stack([np.add.reduceat(v, begin) for v in (x, y)], 1) / area[:, None]
    frame = (row == 0) | (row == h - 1) | (column == 0) | (column == w - 1)
    rim = np.bincount(flat, frame, n)
    colour = np.bincount(flat * WORDS + words.ravel(), minlength=n * WORDS).reshape(n, WORDS).astype(np.float32)
    # distances and kinds need no more than every other pixel, and one of every region
    sparse = (y % 2 + x % 2) == 0
    sparse[begin] = True
    places = order[sparse]
    starts = np.searchsorted(np.flatnonzero(sparse), begin)
    cells = (places // w // CELL) * seen.grouping.shape[1] + places % w // CELL
    kind = np.add.reduceat(seen.grouping.reshape(-1, seen.grouping.shape[2])[cells], starts)
    kind /= np.diff(starts, append=len(places))[:, None]

    arcs = arcs_between(label, seen.strength)
    arc_sums = _arc_sums(arcs, colour / area[:, None], kind)
    around = [np.bincount(arcs.a, v, n) + np.bincount(arcs.b, v, n) for v in arc_sums.T]
    power = (kind**2).sum(1)
    sums = np.column_stack([area, rim, centre * area[:, None], colour, kind * area[:, None], power * area, *around])
    return Leaves(
        label.astype(np.uint16),
        area,
        centre.astype(np.float32),
        box,
        colour,
        kind,
        arcs,
        paths_along(arcs, n),
        sums.astype(np.float32),
        arc_sums,
        np.stack(np.divmod(places, w)[::-1]).astype(np.float32),
        starts,
    )


def _arc_sums(arcs: Arcs, shares: Floats, kind: Floats) -> Floats:
    """Of each arc: length and, times length, strength, weak, strong, colour step (chi2), kind step."""
    p, q = shares[arcs.a], shares[arcs.b]
    colour_step = ((p - q) ** 2 / (p + q + np.float32(1e-9))).sum(1) / 2
    kind_step = 1 - probably_one(((kind[arcs.a] - kind[arcs.b]) ** 2).sum(1))
    strength = arcs.strength
    columns = [np.ones_like(strength), strength, strength < WEAK, strength > STRONG, colour_step, kind_step]
    return arcs.length[:, None] * np.stack(columns, 1, dtype=np.float32)
