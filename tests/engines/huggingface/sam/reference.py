"""Segmenting everything in the order of the published generator: slow, all in full-size arrays, obviously right.

Written from what ``SamAutomaticMaskGenerator`` does, step by step, with nothing shared with the code under test but
the network that turns points into scores and logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Pixels
from imagequarry.domain.segmenter import Everything
from imagequarry.engines.huggingface.sam.network import Network
from tests.engines.huggingface.sam.test_upscale import enlarged

Bools = NDArray[np.bool_]


@dataclass
class Row:
    """One candidate on its way through the filters."""

    array: Bools
    iou: float
    stability: float
    box: tuple[int, int, int, int]
    point: tuple[float, float]
    crop: tuple[int, int, int, int]


def everything(network: Network, rgb: Pixels, wish: Everything) -> list[Row]:
    """What the published generator returns for the picture, best first."""
    height, width = rgb.shape[:2]
    rows: list[Row] = []
    crops = crop_boxes(height, width, wish.crop_n_layers)
    for layer, crop in crops:
        side = int(wish.points_per_side / wish.crop_n_points_downscale_factor**layer)
        found = in_crop(network, rgb, crop, side, wish)
        rows += [found[i] for i in nms([r.box for r in found], [r.iou for r in found])]
    if len(crops) > 1:
        scores = [1 / ((r.crop[2] - r.crop[0]) * (r.crop[3] - r.crop[1])) for r in rows]
        rows = [rows[i] for i in nms([r.box for r in rows], scores)]
    if wish.min_mask_region_area > 0:
        rows = without_small_regions(rows, wish.min_mask_region_area)
    return sorted(rows, key=lambda r: -r.iou)


def crop_boxes(height: int, width: int, layers: int) -> list[tuple[int, tuple[int, int, int, int]]]:
    boxes = [(0, (0, 0, width, height))]
    for layer in range(layers):
        number = 2 ** (layer + 1)
        overlap = int(512 / 1500 * min(height, width) * (2 / number))
        w = math.ceil((overlap * (number - 1) + width) / number)
        h = math.ceil((overlap * (number - 1) + height) / number)
        for i, j in product(range(number), range(number)):
            x, y = (w - overlap) * i, (h - overlap) * j
            boxes.append((layer + 1, (x, y, min(x + w, width), min(y + h, height))))
    return boxes


def in_crop(network: Network, rgb: Pixels, crop: tuple[int, int, int, int], side: int, wish: Everything) -> list[Row]:
    x0, y0, x1, y1 = crop
    height, width = rgb.shape[:2]
    embedding = network.embed(np.ascontiguousarray(rgb[y0:y1, x0:x1]))
    places = [(i + 0.5) / side for i in range(side)]
    points = np.array([(x * (x1 - x0), y * (y1 - y0)) for y in places for x in places])
    rows = []
    for first in range(0, len(points), 8):
        attended = network.pointed(embedding, points[first : first + 8])
        for at in range(len(attended.iou)):
            full = enlarged(network.logits(embedding, attended, at), embedding.frame, network.family)
            for logits, iou in zip(full, attended.iou[at].cpu(), strict=True):
                if wish.pred_iou_thresh > 0 and not iou > wish.pred_iou_thresh:
                    continue
                likely = int((logits > -1).sum())
                stability = torch.tensor(int((logits > 1).sum())) / torch.tensor(likely)
                if wish.stability_score_thresh > 0 and not stability >= wish.stability_score_thresh:
                    continue
                inside = logits > 0
                if not inside.any():
                    continue  # the one departure: a mask of nothing is no result
                box = box_of(inside, x0, y0)
                if cut_off(box, crop, (0, 0, width, height)):
                    continue
                array = np.zeros((height, width), dtype=bool)
                array[y0:y1, x0:x1] = inside
                x, y = points[first + at].tolist()
                rows.append(Row(array, float(iou), float(stability), box, (x + x0, y + y0), crop))
    return rows


def box_of(array: Bools, dx: int = 0, dy: int = 0) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1, the last column and row included."""
    ys, xs = np.nonzero(array)
    return int(xs.min()) + dx, int(ys.min()) + dy, int(xs.max()) + dx, int(ys.max()) + dy


def cut_off(box: tuple[int, ...], crop: tuple[int, ...], picture: tuple[int, ...]) -> bool:
    return any(abs(b - c) <= 20 and not abs(b - p) <= 20 for b, c, p in zip(box, crop, picture, strict=True))


def nms(boxes: list[tuple[int, int, int, int]], scores: list[float], threshold: float = 0.7) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -np.float32(scores[i])):
        if all(not iou(boxes[i], boxes[j]) > threshold for j in kept):
            kept.append(i)
    return kept


def iou(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    w = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / union if union else math.nan


def without_small_regions(rows: list[Row], limit: int) -> list[Row]:
    scores = []
    for row in rows:
        row.array, holes = cleaned(row.array, limit, holes=True)
        row.array, islands = cleaned(row.array, limit, holes=False)
        scores.append(float(not holes and not islands))
        row.box = box_of(row.array)
    return [rows[i] for i in nms([r.box for r in rows], scores)]


def cleaned(array: Bools, limit: int, *, holes: bool) -> tuple[Bools, bool]:
    """The array with holes (else islands) of fewer pixels than the limit gone, and whether there were any."""
    working = (array ^ holes).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(working, connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    small = [i + 1 for i, size in enumerate(sizes) if size < limit]
    if not small:
        return array, False
    if holes:
        return np.isin(labels, [0, *small]), True
    large = [i for i in range(1, count) if i not in small]
    return np.isin(labels, large or [int(np.argmax(sizes)) + 1]), True


def as_masks(rows: list[Row]) -> list[Mask]:
    return [Mask.from_array(row.array) for row in rows]
