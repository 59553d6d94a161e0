"""Where SAM's automatic mask generator looks: crops of the picture, and a grid of points on each.

After ``segment_anything/utils/amg.py``: ``generate_crop_boxes``, ``build_all_layer_point_grids``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.segmenter import Everything
from imagequarry.errors import InvalidInput

Points = NDArray[np.float64]

OVERLAP = 512 / 1500  # of the short side, in the first layer of crops

MOST_POINTS = 256  # per side: a point every fourth pixel of the network's input
MOST_LAYERS = 4  # 341 crops, each encoded anew


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the picture, columns x0 <= x < x1 and rows y0 <= y < y1, and (n, 2) points x, y relative to it."""

    x0: int
    y0: int
    x1: int
    y1: int
    points: Points


def check(wish: Everything) -> None:
    """InvalidInput where the wish makes no grid, or one that nobody could wait for."""
    if not 1 <= wish.points_per_side <= MOST_POINTS:
        raise InvalidInput(f"points_per_side must be between 1 and {MOST_POINTS}.")
    if not 0 <= wish.crop_n_layers <= MOST_LAYERS:
        raise InvalidInput(f"crop_n_layers must be between 0 and {MOST_LAYERS}.")
    if wish.crop_n_points_downscale_factor < 1:
        raise InvalidInput("crop_n_points_downscale_factor must be at least 1.")
    if not (math.isfinite(wish.pred_iou_thresh) and math.isfinite(wish.stability_score_thresh)):
        raise InvalidInput("Thresholds must be finite numbers.")
    if wish.min_mask_region_area < 0 or wish.min_area < 0:
        raise InvalidInput("Areas must not be negative.")


def crops(height: int, width: int, wish: Everything) -> Iterator[Crop]:
    """The whole picture first, then layer after layer of overlapping crops."""
    for layer in range(wish.crop_n_layers + 1):
        # The last layers of a coarse grid keep the one point in the middle.
        unit = _grid(max(1, wish.points_per_side // wish.crop_n_points_downscale_factor**layer))
        for x0, y0, x1, y1 in _boxes(height, width, layer):
            # A picture of a few pixels has no room for all crops.
            if x0 >= x1 or y0 >= y1:
                continue
            yield Crop(x0, y0, x1, y1, unit * (x1 - x0, y1 - y0))


def _boxes(height: int, width: int, layer: int) -> Iterator[tuple[int, int, int, int]]:
    if layer == 0:
        yield 0, 0, width, height
        return
    count = 2**layer
    overlap = int(OVERLAP * min(height, width) * (2 / count))
    w, h = (math.ceil((overlap * (count - 1) + size) / count) for size in (width, height))
    for x0, y0 in product([(w - overlap) * i for i in range(count)], [(h - overlap) * i for i in range(count)]):
        yield x0, y0, min(x0 + w, width), min(y0 + h, height)


def _grid(count: int) -> Points:
    """(count², 2) points evenly spread over the unit square, x before y."""
    along = np.linspace(1 / (2 * count), 1 - 1 / (2 * count), count)
    return np.stack([np.tile(along, count), np.repeat(along, count)], axis=-1)
