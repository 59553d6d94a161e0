"""A mask, held as a compressed run-length encoding and never as a full array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks

# Pydantic reads its fields in replies, which it cannot do with typing's own before Python 3.12.
from typing_extensions import TypedDict

from imagequarry.domain import run_lengths
from imagequarry.domain.geometry import Box, Point
from imagequarry.errors import InvalidInput

if TYPE_CHECKING:
    from pycocotools import _EncodedRLE

BoolArray = NDArray[np.bool_]

_MOST_PIXELS = 2**31 - 1  # pycocotools counts in 32 bits


class CocoRLE(TypedDict):
    """COCO's compressed run-length encoding as JSON has it: size is [height, width]."""

    size: list[int]
    counts: str


@dataclass(frozen=True)
class Mask:
    """Which pixels of a picture belong to something.

    ``counts`` is COCO's compressed RLE (column-major) without empty runs, so that equal masks are equal values;
    ``area`` the number of pixels, ``box`` the tight box of whole pixels (0, 0, 0, 0 for an empty mask). A mask of a
    12 megapixel photograph takes a few kilobytes. Methods take masks of the same picture only: another size is a
    ValueError.
    """

    height: int
    width: int
    counts: bytes = field(repr=False)

    @classmethod
    def empty(cls, height: int, width: int) -> Mask:
        """The mask that no pixel belongs to."""
        return cls(height, width, run_lengths.text_of(np.array([height * width])))

    @classmethod
    def from_array(cls, array: NDArray[np.bool_] | NDArray[np.uint8]) -> Mask:
        """The mask of the non-zero pixels of an (H, W) array."""
        height, width = array.shape
        rows = np.flatnonzero(array.any(axis=1))
        if not rows.size:
            return cls.empty(height, width)
        band = array[rows[0] : rows[-1] + 1]
        columns = np.flatnonzero(band.any(axis=0))
        return cls.from_crop(band[:, columns[0] : columns[-1] + 1], int(columns[0]), int(rows[0]), height, width)

    @classmethod
    def from_crop(cls, crop: NDArray[np.bool_] | NDArray[np.uint8], x0: int, y0: int, height: int, width: int) -> Mask:
        """The mask of a (height, width) picture whose non-zero pixels are those of a crop with its corner at (x0, y0).

        The same value as from the whole frame, without ever making it. ValueError where the crop reaches out.
        """
        rows, columns = crop.shape
        if x0 < 0 or y0 < 0 or x0 + columns > width or y0 + rows > height:
            raise ValueError("The crop reaches out of the picture.")
        if not crop.size:
            return cls.empty(height, width)
        columns_first = crop != 0 if crop.flags.f_contiguous else run_lengths.row_major((crop != 0).T).T
        encoded = coco_masks.encode(columns_first.view(np.uint8))
        counts = run_lengths.moved(run_lengths.counts_of(_as_bytes(encoded)), rows, x0, y0, height, width)
        return cls(height, width, run_lengths.text_of(counts))

    @classmethod
    def from_coco(cls, data: object, size: tuple[int, int] | None = None) -> Mask:
        """The mask of a foreign COCO RLE: ``counts`` compressed (str, bytes) or a list of whole numbers.

        Nothing of it is believed: InvalidInput unless the runs fill the stated size exactly, and unless that is
        ``size`` (height, width) where given.
        """
        if not isinstance(data, Mapping):
            raise InvalidInput("A run-length encoding is an object with size and counts.")
        height, width = _checked_size(data.get("size"))
        if size is not None and (height, width) != size:
            raise InvalidInput(f"The mask is {width} x {height} pixels, the picture {size[1]} x {size[0]}.")
        counts = _checked_counts(data.get("counts"))
        if counts.min() < 0 or counts.max() > _MOST_PIXELS or int(counts.sum()) != height * width:
            raise InvalidInput("The mask's runs do not fill its size.")
        starts, ends = run_lengths.runs_of(counts)
        kept = ends > starts[: ends.size]
        canonical = run_lengths.counts_of_runs(starts[: ends.size][kept], ends[kept], height * width)
        return cls(height, width, run_lengths.text_of(canonical))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def rle(self) -> _EncodedRLE:
        """The form pycocotools takes: size (H, W) and counts as bytes."""
        return {"size": [self.height, self.width], "counts": self.counts}

    def coco(self) -> CocoRLE:
        """COCO's compressed RLE, ready for JSON."""
        return {"size": [self.height, self.width], "counts": self.counts.decode("ascii")}

    @cached_property
    def area(self) -> int:
        return int(coco_masks.area(self.rle))

    @cached_property
    def box(self) -> Box:
        x, y, width, height = (int(v) for v in coco_masks.toBbox(self.rle))
        return Box.of_size(x, y, width, height)

    def array(self) -> BoolArray:
        """The mask as an (H, W) array of booleans: made anew at each call, so drop it soon."""
        return run_lengths.inflated(run_lengths.counts_of(self.counts), self.height, self.width)

    def window(self, margin: int = 0) -> tuple[slice, slice]:
        """The rows and columns of the box and ``margin`` pixels around it, as far as the picture goes.

        With ``crop`` of the same margin: ``canvas[mask.window()][mask.crop()] = colour``.
        """
        box = self.box
        rows = slice(max(int(box.y0) - margin, 0), min(int(box.y1) + margin, self.height))
        columns = slice(max(int(box.x0) - margin, 0), min(int(box.x1) + margin, self.width))
        return (rows, columns) if self.area else (slice(0, 0), slice(0, 0))

    def crop(self, margin: int = 0) -> BoolArray:
        """The part of the mask in its window, without inflating the rest; row-major in memory."""
        rows, columns = self.window(margin)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not self.area:
            return np.zeros((0, 0), dtype=np.bool_)
        counts = run_lengths.moved(
            run_lengths.counts_of(self.counts), self.height, -columns.start, -rows.start, height, width
        )
        return run_lengths.row_major(run_lengths.inflated(counts, height, width))

    def pieces(self) -> tuple[run_lengths.IntArray, run_lengths.IntArray, run_lengths.IntArray]:
        """The mask's runs in each column: column, first row, row after the last; columns and rows ascend."""
        return run_lengths.split_by_columns(*run_lengths.runs_of(run_lengths.counts_of(self.counts)), self.height)

    def contains(self, point: Point) -> bool:
        """Whether the pixel the point lies in belongs to the mask; never one outside the picture."""
        if not point.inside(self.width, self.height):
            return False
        x, y, box = int(point.x), int(point.y), self.box
        if not (box.x0 <= x < box.x1 and box.y0 <= y < box.y1):
            return False
        edges = run_lengths.counts_of(self.counts).cumsum()
        return bool(np.searchsorted(edges, x * self.height + y, side="right") % 2)

    def iou(self, other: Mask) -> float:
        """Intersection over union with a mask of the same picture, 0..1."""
        self._check_same_size(other)
        return float(np.asarray(coco_masks.iou([self.rle], [other.rle], [0]))[0, 0])

    def union(self, *others: Mask) -> Mask:
        """The pixels of any of the masks."""
        return self._merged(others, intersect=False)

    def intersection(self, *others: Mask) -> Mask:
        """The pixels that all of the masks share."""
        return self._merged(others, intersect=True)

    def _merged(self, others: tuple[Mask, ...], *, intersect: bool) -> Mask:
        self._check_same_size(*others)
        merged = coco_masks.merge([self.rle, *(other.rle for other in others)], intersect)
        return Mask(self.height, self.width, _as_bytes(merged))

    def _check_same_size(self, *others: Mask) -> None:
        if any(other.size != self.size for other in others):
            raise ValueError("The masks are of pictures of different sizes.")


def _as_bytes(encoded: _EncodedRLE) -> bytes:
    counts = encoded["counts"]
    return counts.encode("ascii") if isinstance(counts, str) else counts


def _checked_size(size: object) -> tuple[int, int]:
    if not isinstance(size, list | tuple) or len(size) != 2 or any(type(side) is not int for side in size):
        raise InvalidInput("A mask's size is [height, width] in whole pixels.")
    height, width = int(size[0]), int(size[1])
    if height < 1 or width < 1 or height * width > _MOST_PIXELS:
        raise InvalidInput("There is no picture of that size.")
    return height, width


def _checked_counts(counts: object) -> run_lengths.IntArray:
    if isinstance(counts, list | tuple):
        if not counts or any(type(count) is not int for count in counts):
            raise InvalidInput("Run lengths are whole numbers.")
        try:
            return np.array(counts, dtype=np.int64)
        except OverflowError as error:
            raise InvalidInput("A run is longer than any picture.") from error
    if not isinstance(counts, str | bytes):
        raise InvalidInput("A mask's counts are a text or a list of numbers.")
    try:
        return run_lengths.counts_of(counts.encode("ascii") if isinstance(counts, str) else counts)
    except ValueError as error:
        raise InvalidInput("The counts are not COCO run lengths.") from error
