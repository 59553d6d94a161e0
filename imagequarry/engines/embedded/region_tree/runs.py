"""Masks as runs down the columns: what COCO's run-length encoding holds, in a form NumPy can work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco

from imagequarry.domain.geometry import Point
from imagequarry.domain.mask import Mask
from imagequarry.engines.embedded.region_tree.arrays import Bool, Ints


@dataclass(frozen=True, slots=True)
class Runs:
    """The foreground of a picture (height, width): rows ``top`` <= y < ``bottom`` of a ``column``, sorted, disjoint."""

    height: int
    width: int
    column: Ints
    top: Ints
    bottom: Ints

    @property
    def area(self) -> int:
        return int((self.bottom - self.top).sum())

    def mask(self) -> Mask:
        """The same as a compressed mask."""
        start, end = self.column * self.height + self.top, self.column * self.height + self.bottom
        # a run down to the last row goes on where the next column begins with one
        split = start[1:] != end[:-1]
        start = start[np.concatenate([[True], split])] if len(start) else start
        end = end[np.concatenate([split, [True]])] if len(end) else end
        edges = np.stack([start, end], 1).ravel()
        counts = np.diff(edges, prepend=0, append=self.height * self.width)
        if len(counts) > 1 and counts[-1] == 0:
            counts = counts[:-1]
        size = [self.height, self.width]
        encoded = coco.frPyObjects({"size": size, "counts": counts.tolist()}, self.height, self.width)
        codes = encoded["counts"]
        return Mask(self.height, self.width, codes.encode() if isinstance(codes, str) else codes)

    def holds(self, x: int, y: int) -> bool:
        """Whether a pixel is foreground."""
        place = int(np.searchsorted(self.column * self.height + self.top, x * self.height + y, side="right")) - 1
        return place >= 0 and self.column[place] == x and bool(y < self.bottom[place])

    def middle(self) -> Point:
        """The middle of the longest run: a pixel of the foreground."""
        longest = int(np.argmax(self.bottom - self.top))
        return Point(int(self.column[longest]), int(self.top[longest] + self.bottom[longest] - 1) // 2)

    def background(self) -> Runs:
        """The runs of all that is not foreground."""
        # every column is walled by a run of no length above and below
        columns = np.arange(self.width)
        nothing, everything = np.zeros(self.width, np.int64), np.full(self.width, self.height)
        column = np.concatenate([columns, self.column, columns])
        top = np.concatenate([nothing, self.top, everything])
        bottom = np.concatenate([nothing, self.bottom, everything])
        order = np.argsort(column, kind="stable")
        column, top, bottom = column[order], top[order], bottom[order]
        gap = (column[1:] == column[:-1]) & (top[1:] > bottom[:-1])
        return Runs(self.height, self.width, column[1:][gap], bottom[:-1][gap], top[1:][gap])

    def component_areas(self) -> Ints:
        """Of each run, the pixels of the 8-connected component it belongs to."""
        name = self._components()
        return np.asarray(np.bincount(name, self.bottom - self.top, len(name)), np.int64)[name]

    def _components(self) -> Ints:
        """A number of the component of each run, less than the number of runs."""
        stride = self.height + 2
        next_column = (self.column + 1) * stride
        low = np.searchsorted(self.column * stride + self.bottom, next_column + self.top, side="left")
        high = np.searchsorted(self.column * stride + self.top, next_column + self.bottom, side="right")
        touching = np.maximum(high - low, 0)
        one = np.repeat(np.arange(len(low)), touching)
        two = np.arange(len(one)) - np.repeat(np.cumsum(touching) - touching - low, touching)
        root = np.arange(len(low))
        while True:
            first, second = root[one], root[two]
            apart = first != second
            if not apart.any():
                return root
            one, two, first, second = one[apart], two[apart], first[apart], second[apart]
            np.minimum.at(root, np.maximum(first, second), np.minimum(first, second))
            while not np.array_equal(root, root[root]):
                root = root[root]

    def chosen(self, kept: Bool) -> Runs:
        """Some of the runs."""
        return Runs(self.height, self.width, self.column[kept], self.top[kept], self.bottom[kept])


def without_specks(runs: Runs, smallest: int) -> Runs:
    """Without holes and then islands of fewer than ``smallest`` pixels; the largest island always stays.

    The rules are those of SAM's ``remove_small_regions``: components are 8-connected, and an area of background cut
    off by the frame counts as a hole when it is small.
    """
    if smallest <= 1 or not len(runs.column):
        return runs
    gaps = runs.background()
    if len(gaps.column):
        holes = gaps.component_areas() < smallest
        if holes.any():
            runs = gaps.chosen(~holes).background()
    areas = runs.component_areas()
    return runs.chosen((areas >= smallest) | (areas == areas.max()) & (areas.max() < smallest))
