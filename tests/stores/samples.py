"""Pictures and segmentations small enough to make by the hundred."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import numpy as np

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.records import Segmentation, StoredImage
from imagequarry.domain.segmenter import Candidate

WIDTH, HEIGHT = 60, 40
NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def image(id: str, data: bytes = b"picture", **changes: Any) -> StoredImage:
    """A picture of 60 x 40 pixels whose file would hold these bytes."""
    values: dict[str, Any] = {
        "id": id,
        "digest": hashlib.sha256(data).hexdigest(),
        "filename": "quarry.png",
        "format": "PNG",
        "width": WIDTH,
        "height": HEIGHT,
        "size_bytes": len(data),
    }
    return StoredImage(**(values | changes))


def rectangle(x: int, y: int, width: int, height: int, score: float = 0.9) -> Candidate:
    """A candidate whose mask fills that rectangle."""
    array = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    array[y : y + height, x : x + width] = True
    crop = Box.of_size(0, 0, WIDTH, HEIGHT)
    return Candidate(Mask.from_array(array), score, 0.75, Point(x + 0.5, y + 0.25), crop)


def segmentation(id: str, candidates: tuple[Candidate, ...] = (), **changes: Any) -> Segmentation:
    """A finished segmentation of the picture that ``image`` makes."""
    values: dict[str, Any] = {
        "id": id,
        "digest": hashlib.sha256(b"picture").hexdigest(),
        "width": WIDTH,
        "height": HEIGHT,
        "operation": "stored",
        "model": "region-tree",
        "candidates": candidates,
    }
    return Segmentation(**(values | changes))
