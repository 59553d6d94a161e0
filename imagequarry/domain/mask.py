"""A mask, held as a compressed run-length encoding and never as a full array."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from imagequarry.domain.geometry import Box

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Mask:
    """Which pixels of a picture belong to something.

    ``counts`` is COCO's compressed RLE (column-major), ``area`` the number of pixels, ``box`` the tight box of whole
    pixels (0, 0, 0, 0 for an empty mask). A mask of a 12 megapixel photograph takes a few kilobytes.
    """

    height: int
    width: int
    counts: bytes = field(repr=False)

    @classmethod
    def from_array(cls, array: NDArray[np.bool_] | NDArray[np.uint8]) -> Mask:
        """The mask of the non-zero pixels of an (H, W) array."""
        encoded = coco.encode(np.asfortranarray(array != 0, dtype=np.uint8))
        return cls(int(array.shape[0]), int(array.shape[1]), encoded["counts"])

    @property
    def rle(self) -> coco._EncodedRLE:
        """The form pycocotools takes: size (H, W) and counts as bytes."""
        return {"size": [self.height, self.width], "counts": self.counts}

    @cached_property
    def area(self) -> int:
        return int(coco.area(self.rle))

    @cached_property
    def box(self) -> Box:
        x, y, width, height = (int(v) for v in coco.toBbox(self.rle))
        return Box.of_size(x, y, width, height)

    def array(self) -> BoolArray:
        """The mask as an (H, W) array of booleans: made anew at each call, so drop it soon."""
        return coco.decode(self.rle).view(np.bool_)

    def iou(self, other: Mask) -> float:
        """Intersection over union with a mask of the same picture, 0..1."""
        return float(coco.iou([self.rle], [other.rle], [0])[0, 0])
