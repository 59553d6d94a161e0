"""From low-resolution logits to a mask of the picture's own size, evaluating only what is neither in nor out.

SAM enlarges its logits twice (to the input square, cut to the part that holds the picture, then to the picture), its
successors once; both steps are linear and separable, so the full-size logits are ``rows · low · columnsᵀ``. A row of
either matrix holds at most a few neighbours with positive weights that sum to one, so a stretch of pixels whose
neighbours are all above (below) a threshold is above (below) it. Only tiles that the outline crosses are computed, and
a full-size float picture never exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from imagequarry.domain import run_lengths
from imagequarry.domain.mask import Mask
from imagequarry.engines.huggingface.sam.preprocess import Frame

Logits = NDArray[np.float32]
Doubles = NDArray[np.float64]

STABILITY_OFFSET = 1.0
# Tiles are small enough to skip much, and large enough to be worth a matrix product; but no product may be so large
# that BLAS would spread it over threads, which for work of microseconds can take a hundred times as long.
_TILE_LOW = 16
_TILE_FULL = 100


def reaches(stability: float, threshold: float) -> bool:
    """Whether a stability passes; a threshold of 0 or less tests nothing.

    In single precision as in the reference, so that a score on the threshold falls on the same side.
    """
    return threshold <= 0 or bool(np.float32(stability) >= np.float32(threshold))


@dataclass(frozen=True, slots=True)
class Traced:
    """A mask at full size: ``area`` pixels of logits > 0, ``sure`` of > offset, ``likely`` of > -offset, its runs."""

    sure: int
    area: int
    likely: int
    starts: run_lengths.IntArray
    ends: run_lengths.IntArray
    height: int
    width: int

    @property
    def stability(self) -> float:
        """|logits > offset| / |logits > -offset|, 0 where nothing is likely."""
        return self.sure / self.likely if self.likely else 0.0

    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of whole pixels, ends excluded; all 0 for an empty mask."""
        if not self.starts.size:
            return 0, 0, 0, 0
        column, top, bottom = run_lengths.split_by_columns(self.starts, self.ends, self.height)
        return int(column[0]), int(top.min()), int(column[-1]) + 1, int(bottom.max())

    def mask(self, x0: int = 0, y0: int = 0, height: int | None = None, width: int | None = None) -> Mask:
        """The mask, moved by (x0, y0) onto a picture of (height, width) where it was traced on a crop of that."""
        starts, ends = self.starts, self.ends
        if height is None or width is None:
            height, width = self.height, self.width
        elif (height, width) != (self.height, self.width) and starts.size:
            column, top, bottom = run_lengths.split_by_columns(starts, ends, self.height)
            first = (column + x0) * height + y0
            starts, ends = first + top, first + bottom
        return Mask(height, width, run_lengths.text_of(run_lengths.counts_of_runs(starts, ends, height * width)))


@dataclass(frozen=True, slots=True)
class _Band:
    """Full-size rows (or columns) [start, stop) as ``weights`` times the low-resolution ones [first, last)."""

    start: int
    stop: int
    first: int
    last: int
    weights: Doubles


class Upscaler:
    """Enlarges the (side, side) logits of a model for one frame; small, and shared by threads."""

    def __init__(self, frame: Frame, side: int, *, twice: bool) -> None:
        self.height, self.width = frame.height, frame.width
        rows, columns = matrices(frame, side, twice=twice)
        self._rows, self._columns = _bands(rows, side), _bands(columns, side)
        self._near = nearest(rows), nearest(columns)

    def stability_bound(self, logits: Logits) -> float:
        """What the stability of the full-size mask cannot exceed, from the (side, side) logits alone.

        A full-size pixel draws from the 3 x 3 logits around the nearest at most: it is not sure unless one of them
        is, and it is likely if all of them are.
        """
        rows, columns = self._near
        low = logits[: rows.size, : columns.size]
        sure = rows @ _spread(low > STABILITY_OFFSET) @ columns
        likely = rows @ ~_spread(low <= -STABILITY_OFFSET) @ columns
        return float(sure / likely) if sure < likely else 1.0

    def trace(self, logits: Logits, offset: float = STABILITY_OFFSET) -> Traced:
        """The mask of one (side, side) array of logits; ``offset`` is that of the stability."""
        low = logits.astype(np.float64)
        low.flags.writeable = False
        least, most = self._extremes(low)
        sure = area = likely = 0
        starts: list[run_lengths.IntArray] = []
        ends: list[run_lengths.IntArray] = []
        for j in np.flatnonzero((most > -offset).any(axis=0)):
            column = self._columns[j]
            count = column.stop - column.start
            # A zero on either side, so that every run of the strip starts and ends inside it.
            strip = np.zeros(count * self.height + 2, dtype=np.bool_)
            pixels = strip[1:-1].reshape(count, self.height)
            part = low[:, column.first : column.last].T
            for i in np.flatnonzero(most[:, j] > -offset):
                row = self._rows[i]
                if least[i, j] > offset:
                    pixels[:, row.start : row.stop] = True
                    whole = count * (row.stop - row.start)
                    sure, area, likely = sure + whole, area + whole, likely + whole
                    continue
                values = column.weights @ part[:, row.first : row.last] @ row.weights.T
                inside = values > 0
                pixels[:, row.start : row.stop] = inside
                sure += int(np.count_nonzero(values > offset))
                area += int(np.count_nonzero(inside))
                likely += int(np.count_nonzero(values > -offset))
            edges = np.flatnonzero(strip[1:] != strip[:-1]) + column.start * self.height
            starts.append(edges[::2])
            ends.append(edges[1::2])
        runs = joined(starts, ends)
        return Traced(sure, area, likely, *runs, self.height, self.width)

    def _extremes(self, low: Doubles) -> tuple[Doubles, Doubles]:
        """Least and most of the logits that each tile (row band, column band) draws from."""
        found = []
        for reduce, edge in ((np.minimum, np.inf), (np.maximum, -np.inf)):
            # One more row and column than there are, since reduceat takes no range that ends at the end.
            padded = np.pad(low, (0, 1), constant_values=edge)
            rows = np.array([(band.first, band.last) for band in self._rows]).ravel()
            columns = np.array([(band.first, band.last) for band in self._columns]).ravel()
            found.append(reduce.reduceat(reduce.reduceat(padded, rows, axis=0)[::2], columns, axis=1)[:, ::2])
        return found[0], found[1]


@lru_cache(maxsize=32)
def upscaler(frame: Frame, side: int, *, twice: bool) -> Upscaler:
    """The upscaler of a frame, kept for the next prompt."""
    return Upscaler(frame, side, twice=twice)


def joined(
    starts: list[run_lengths.IntArray], ends: list[run_lengths.IntArray]
) -> tuple[run_lengths.IntArray, run_lengths.IntArray]:
    """All strips' runs in order, those that touch made one."""
    nothing = np.zeros(0, dtype=np.int64)
    first, last = np.concatenate((nothing, *starts)), np.concatenate((nothing, *ends))
    if not first.size:
        return first, last
    apart = first[1:] != last[:-1]
    return first[np.concatenate(([True], apart))], last[np.concatenate((apart, [True]))]


def matrices(frame: Frame, side: int, *, twice: bool) -> tuple[Doubles, Doubles]:
    """(height, side) and (width, side): full-size logits are ``rows · low · columnsᵀ``."""
    rows = _matrix(side, frame.side, frame.fitted[0], frame.height, twice=twice)
    return rows, _matrix(side, frame.side, frame.fitted[1], frame.width, twice=twice)


def _matrix(side: int, square: int, fitted: int, size: int, *, twice: bool) -> Doubles:
    """(size, side): one axis of the published enlargement of ``side`` logits to ``size`` pixels."""
    if not twice:
        return _interpolated(np.eye(side), size)
    return _interpolated(_interpolated(np.eye(side), square)[:fitted], size)


def _interpolated(rows: Doubles, target: int) -> Doubles:
    """Bilinear interpolation of (n, k) rows to (target, k), with the very weights that PyTorch's would use.

    PyTorch computes its positions in single precision, so it is asked: what it makes of three signals, each 1 at every
    third place, are the weights of the two neighbours at most that a target draws from.
    """
    count = rows.shape[0]
    thirds = torch.eye(3).repeat(1, count // 3 + 1)[None, :, None, :count]
    weights = functional.interpolate(thirds, (1, target), mode="bilinear")[0, :, 0].double().numpy()
    middle = (np.arange(target) + 0.5) * count / target - 0.5
    result = np.zeros((target, rows.shape[1]))
    for third, weight in enumerate(weights):
        nearest = third + 3 * np.round((middle - third) / 3).astype(int)
        result += weight[:, None] * rows[np.clip(nearest, 0, count - 1)]
    return result


def nearest(matrix: Doubles) -> Doubles:
    """For each low-resolution row that is drawn from, how many full-size rows it weighs most in."""
    used = int(np.flatnonzero(matrix.any(axis=0))[-1]) + 1
    return np.bincount(matrix.argmax(axis=1), minlength=used).astype(np.float64)


def _spread(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The marked pixels and their eight neighbours."""
    tall = marked.copy()
    tall[1:] |= marked[:-1]
    tall[:-1] |= marked[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


def _bands(matrix: Doubles, side: int) -> tuple[_Band, ...]:
    size = matrix.shape[0]
    used = int(np.flatnonzero(matrix.any(axis=0))[-1]) + 1
    count = max(-(-used // _TILE_LOW), -(-size // _TILE_FULL))
    edges = np.unique(np.linspace(0, size, count + 1).round().astype(int))
    bands = []
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        drawn = np.flatnonzero(matrix[start:stop].any(axis=0))
        first, last = int(drawn[0]), min(int(drawn[-1]) + 1, side)
        bands.append(_Band(start, stop, first, last, matrix[start:stop, first:last].copy()))
    return tuple(bands)
