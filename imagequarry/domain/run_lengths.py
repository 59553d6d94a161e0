"""Run lengths of COCO masks as NumPy arrays: read, written, cut and moved without ever inflating a picture.

A mask is read column by column, from the top left corner downwards. Counts are the lengths of the runs, background
first, so that every odd one belongs to the mask; runs are the half-open ranges [start, end) of positions
x * height + y that do. COCO's text writes each count, from the fourth on less the count two before it, as groups of
five bits, lowest first, 32 added where more follow, the sign in the last group's highest bit, 48 added for ASCII.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

_GROUP_LIMIT = 7  # 35 bits: more than any picture has pixels, and no overflow on the way


def counts_of(text: bytes) -> IntArray:
    """The counts in COCO's text; ValueError where it is no such text. Whether they fit a picture is not asked."""
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if not codes.size or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError("The counts are not COCO run lengths.")
    last = np.flatnonzero(codes < 32)
    first = np.concatenate(([0], last[:-1] + 1))
    lengths = last - first + 1
    if lengths.max() > _GROUP_LIMIT:
        raise ValueError("A run is longer than any picture.")
    place = 5 * (np.arange(codes.size) - np.repeat(first, lengths))
    counts = np.add.reduceat((codes & 31) << place, first)
    counts -= (codes[last] >> 4 & 1) << 5 * lengths
    counts[1::2] = counts[1::2].cumsum()
    counts[2::2] = counts[2::2].cumsum()
    return counts


def text_of(counts: IntArray) -> bytes:
    """COCO's text of the counts."""
    # The first three may be as large as the picture; what follows is small and needs fewer groups.
    return _written(counts[:3]) + _written(counts[3:] - counts[1:-2])


def _written(values: IntArray) -> bytes:
    if not values.size:
        return b""
    places = np.arange(max(-int(values.min()) - 1, int(values.max())).bit_length() // 5 + 1)
    # A number that fits into 5k bits with its sign is all zeros or all ones from bit 5k - 1 upwards.
    rest = values[:, None] >> (5 * places + 4)
    more = (rest != 0) & (rest != -1)
    groups = (values[:, None] >> 5 * places & 31) + 32 * more + 48
    wanted = np.ones_like(more)
    wanted[:, 1:] = more[:, :-1]
    return bytes(groups[wanted].astype(np.uint8))


def runs_of(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Starts and ends of the mask's runs."""
    edges = counts.cumsum()
    return edges[:-1:2], edges[1::2]


def counts_of_runs(starts: IntArray, ends: IntArray, pixels: int) -> IntArray:
    """The counts of a picture of that many pixels; runs are in order, and those that touch become one."""
    if not starts.size:
        return np.array([pixels], dtype=np.int64)
    gap = starts[1:] != ends[:-1]
    edges = np.empty(2 * int(gap.sum()) + 2, dtype=np.int64)
    edges[0::2] = starts[np.concatenate(([True], gap))]
    edges[1::2] = ends[np.concatenate((gap, [True]))]
    counts = np.diff(edges, prepend=0)
    return counts if edges[-1] == pixels else np.append(counts, pixels - edges[-1])


def split_by_columns(starts: IntArray, ends: IntArray, height: int) -> tuple[IntArray, IntArray, IntArray]:
    """The runs cut where a column ends: column, first row and row after the last of each piece, in order."""
    first = starts // height
    pieces = (ends - 1) // height - first + 1
    column = np.repeat(first, pieces)
    column += np.arange(column.size) - np.repeat(pieces.cumsum() - pieces, pieces)
    top = np.maximum(np.repeat(starts, pieces) - column * height, 0)
    bottom = np.minimum(np.repeat(ends, pieces) - column * height, height)
    return column, top, bottom


def moved(counts: IntArray, height: int, dx: int, dy: int, to_height: int, to_width: int) -> IntArray:
    """The counts after moving the mask by (dx, dy) onto a frame of another size, where it must fit whole."""
    column, top, bottom = split_by_columns(*runs_of(counts), height)
    first = (column + dx) * to_height + dy
    return counts_of_runs(first + top, first + bottom, to_height * to_width)


def inflated(counts: IntArray, height: int, width: int) -> NDArray[np.bool_]:
    """The (height, width) array the counts tell of, column-major in memory."""
    values = np.zeros(counts.size, dtype=np.bool_)
    values[1::2] = True
    return np.repeat(values, counts).reshape(width, height).T


def row_major(array: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A column-major array in row-major order, copied in strips that stay in the processor's cache."""
    copy = np.empty(array.shape, dtype=np.bool_)
    for left in range(0, array.shape[1], 256):
        copy[:, left : left + 256] = array[:, left : left + 256]
    return copy
