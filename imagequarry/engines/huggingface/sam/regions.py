"""Small holes filled and small islands dropped, on the runs of a mask and never on its pixels.

The same masks as ``segment_anything/utils/amg.py: remove_small_regions`` at full size: background components of fewer
pixels than the limit are filled, then foreground components below it go, the largest staying where all would; both
8-connected. Runs of neighbouring columns that touch are joined, so time and memory follow the outline, not the area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagequarry.domain import run_lengths
from imagequarry.domain.run_lengths import IntArray


def cleaned(counts: IntArray, height: int, width: int, limit: int) -> tuple[IntArray, bool]:
    """The counts without small regions, and whether anything changed. ``limit`` in pixels."""
    starts, ends = run_lengths.runs_of(counts)
    first, last = _window(starts, ends, height, width, limit)
    starts, ends = starts - first * height, ends - first * height
    holes = _Components.of(*_gaps(starts, ends, (last - first) * height), height)
    filled = (holes.areas < limit)[holes.label]
    if filled.any():
        starts, ends = _union(starts, ends, holes.starts[filled], holes.ends[filled])
    islands = _Components.of(starts, ends, height)
    small = islands.areas < limit
    changed = bool(filled.any() or small.any())
    if not changed:
        return counts, False
    if small.all() and small.size:
        small[islands.largest()] = False
    kept = ~small[islands.label]
    shift = first * height
    return run_lengths.counts_of_runs(islands.starts[kept] + shift, islands.ends[kept] + shift, height * width), True


def _window(starts: IntArray, ends: IntArray, height: int, width: int, limit: int) -> tuple[int, int]:
    """The columns [first, last) worth looking at: those of the mask, and on either side as many as make the empty
    ones no small region themselves, whether or not there are more beyond."""
    if not starts.size:
        return 0, width
    margin = -(-limit // height)
    return max(int(starts[0]) // height - margin, 0), min(int(ends[-1] - 1) // height + 1 + margin, width)


@dataclass(frozen=True, slots=True)
class _Components:
    """Runs cut by columns, the 8-connected component (``label``) each piece belongs to, and the components' areas."""

    starts: IntArray
    ends: IntArray
    label: IntArray
    areas: IntArray
    height: int

    @classmethod
    def of(cls, starts: IntArray, ends: IntArray, height: int) -> _Components:
        column, top, bottom = run_lengths.split_by_columns(starts, ends, height)
        root = _roots(column.size, *_touching(column, top, bottom, height))
        number = np.cumsum(root == np.arange(root.size)) - 1
        label = number[root]
        areas = np.bincount(label, weights=bottom - top).astype(np.int64)
        return cls(column * height + top, column * height + bottom, label, areas, height)

    def largest(self) -> int:
        """The largest component; among equals the one found first when reading row by row."""
        column, row = np.divmod(self.starts, self.height)
        order = np.lexsort((column, row, -self.areas[self.label]))
        return int(self.label[order[0]])


def _gaps(starts: IntArray, ends: IntArray, pixels: int) -> tuple[IntArray, IntArray]:
    """The runs of the background."""
    first, last = np.append(0, ends), np.append(starts, pixels)
    some = first < last
    return first[some], last[some]


def _touching(column: IntArray, top: IntArray, bottom: IntArray, height: int) -> tuple[IntArray, IntArray]:
    """Pairs of pieces of neighbouring columns that share an edge or a corner."""
    stride = height + 2
    first = column * stride + top
    last = column * stride + bottom
    # Of the next column: those that end at or below this top, and start at or above this bottom.
    low = np.searchsorted(last, first + stride, side="left")
    high = np.searchsorted(first, last + stride, side="right")
    number = np.maximum(high - low, 0)
    left = np.repeat(np.arange(column.size), number)
    right = np.arange(left.size) - np.repeat(number.cumsum() - number, number) + np.repeat(low, number)
    return left, right


def _roots(count: int, left: IntArray, right: IntArray) -> IntArray:
    """For each piece the first piece of its component: labels sink to the smaller of a pair until nothing moves."""
    root = np.arange(count)
    while True:
        a, b = root[left], root[right]
        apart = a != b
        if not apart.any():
            return root
        left, right, a, b = left[apart], right[apart], a[apart], b[apart]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while True:
            above = root[root]
            if np.array_equal(above, root):
                break
            root = above


def _union(starts: IntArray, ends: IntArray, more_starts: IntArray, more_ends: IntArray) -> tuple[IntArray, IntArray]:
    """Two sets of runs that do not overlap as one, in order, those that touch joined."""
    first, last = np.concatenate((starts, more_starts)), np.concatenate((ends, more_ends))
    order = np.argsort(first)
    return run_lengths.runs_of(run_lengths.counts_of_runs(first[order], last[order], int(last.max())))
