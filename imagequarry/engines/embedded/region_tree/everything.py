"""Every region of a picture that is worth naming, without a prompt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from pycocotools import mask as coco

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Pixels
from imagequarry.domain.segmenter import Candidate, Everything, Found
from imagequarry.domain.watch import Watch
from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats, Ints
from imagequarry.engines.embedded.region_tree.crops import Crop, crops
from imagequarry.engines.embedded.region_tree.embedding import RegionEmbedding, embed
from imagequarry.engines.embedded.region_tree.heads import heads
from imagequarry.engines.embedded.region_tree.hypotheses import overlaps
from imagequarry.engines.embedded.region_tree.leaves import Leaves
from imagequarry.engines.embedded.region_tree.runs import Runs, without_specks
from imagequarry.engines.embedded.region_tree.upscale import runs_of

ALIKE = 0.6


def find_everything(rgb: Pixels, embedding: RegionEmbedding, wish: Everything, watch: Watch) -> Found:
    """All regions of the picture and of its crops that the wish lets pass, best first."""
    deadline = None if wish.max_time_ms is None else time.monotonic() + wish.max_time_ms / 1000
    parts = crops(embedding.height, embedding.width, wish.crop_n_layers)
    found: list[tuple[Crop, Candidate]] = []
    complete = True
    for number, crop in enumerate(parts):
        watch.check()
        if deadline is not None and time.monotonic() >= deadline:
            complete = False
            break
        watch.progress(number / len(parts), f"part {number + 1} of {len(parts)}")
        for candidate in _in_crop(rgb, embedding, crop, wish):
            watch.check()
            if candidate is not None:
                found.append((crop, candidate))
            if deadline is not None and time.monotonic() >= deadline:
                complete = False
                break
        if not complete:
            break
    kept = _merged(found) if len(parts) > 1 else [candidate for _, candidate in found]
    watch.progress(1.0)
    return Found(sorted(kept, key=lambda candidate: -candidate.predicted_iou), complete)


def _in_crop(rgb: Pixels, whole: RegionEmbedding, crop: Crop, wish: Everything) -> Iterator[Candidate | None]:
    """The candidates of one crop, best first; None for one that did not pass, so that the caller can look up."""
    size = whole.height, whole.width
    embedding = whole
    if crop.layer:
        embedding = embed(np.ascontiguousarray(rgb[crop.y0 : crop.y1, crop.x0 : crop.x1]))
    table, leaves = embedding.table, embedding.leaves
    score = np.clip(heads()["region"](table.figures), 0, 1)
    hit = _leaves_hit(embedding, max(1, wish.points_per_side // wish.crop_n_points_downscale_factor**crop.layer))
    passing = np.ones(len(score), np.bool_)
    if wish.pred_iou_thresh > 0:
        passing &= score > wish.pred_iou_thresh
    if wish.stability_score_thresh > 0:
        passing &= table.stability > wish.stability_score_thresh
    passing &= ~_cut_off(table.box, crop, *size, embedding)
    rows = np.flatnonzero(passing)
    sets = table.sets(rows)
    found = (sets & hit).any(1)
    rows, sets = rows[found], sets[found]
    box = Box(crop.x0, crop.y0, crop.x1, crop.y1)
    for place in _different(sets, score[rows], leaves.area):
        row, member = rows[place], sets[place]
        runs = runs_of(member, embedding.guide, embedding.guide_boxes, embedding.height, embedding.width)
        if crop.layer:
            runs = Runs(*size, runs.column + crop.x0, runs.top + crop.y0, runs.bottom + crop.y0)
        runs = without_specks(runs, wish.min_mask_region_area)
        if not len(runs.column) or runs.area < wish.min_area:
            yield None
            continue
        point = inner_point(leaves, member, table.box[row], embedding.scale, (crop.x0, crop.y0), runs)
        yield Candidate(runs.mask(), float(score[row]), float(table.stability[row]), point, box)


def _leaves_hit(embedding: RegionEmbedding, points_per_side: int) -> Bool:
    """Which leaves (n,) a point of the regular grid falls into."""
    columns, rows = embedding.guide.shape
    step = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = (step * columns).astype(np.int64), (step * rows).astype(np.int64)
    hit = np.zeros(embedding.leaves.count, np.bool_)
    hit[embedding.guide[np.ix_(x, y)]] = True
    return hit


def _cut_off(boxes: Floats, crop: Crop, height: int, width: int, embedding: RegionEmbedding) -> Bool:
    """Which boxes (k, 4) in working pixels reach a side of the crop that is not a side of the picture."""
    h, w = embedding.leaves.label.shape
    near = 1.0
    x0, y0, x1, y1 = boxes.T
    return np.asarray(
        (x0 < near) & (crop.x0 > 0)
        | (y0 < near) & (crop.y0 > 0)
        | (x1 > w - near) & (crop.x1 < width)
        | (y1 > h - near) & (crop.y1 < height),
        np.bool_,
    )


def _different(sets: Bool, score: Floats, leaf_area: Floats) -> Ints:
    """The best-scored sets (k, n), best first, less those that overlap more than ALIKE with a better one."""
    order = np.argsort(-score, kind="stable")
    alike = overlaps(sets[order], sets[order], leaf_area) > ALIKE
    kept: list[int] = []
    dropped = np.zeros(len(order), np.bool_)
    for place in range(len(order)):
        if not dropped[place]:
            kept.append(place)
            dropped |= alike[place]
    return order[kept]


def _merged(found: Sequence[tuple[Crop, Candidate]]) -> list[Candidate]:
    """Without those that overlap more than ALIKE with one of a finer layer, or with a better one of their own."""
    order = sorted(found, key=lambda pair: (-pair[0].layer, -pair[1].predicted_iou))
    if not order:
        return []
    codes = [candidate.mask.rle for _, candidate in order]
    alike = np.asarray(coco.iou(codes, codes, [0] * len(codes))) > ALIKE
    dropped = np.zeros(len(order), np.bool_)
    kept = []
    for place, (_, candidate) in enumerate(order):
        if not dropped[place]:
            kept.append(candidate)
            dropped |= alike[place]
    return kept


def inner_point(
    leaves: Leaves, member: Bool, box: Floats, scale: tuple[float, float], corner: tuple[int, int], runs: Runs
) -> Point:
    """A pixel of ``runs``: the most interior one of the set of leaves ``member`` (n,), which lies in ``box``."""
    x0, y0, x1, y1 = (int(v) for v in box)
    inside = member[leaves.label[y0:y1, x0:x1]].astype(np.uint8)
    depth = cv2.distanceTransform(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth[1:-1, 1:-1].argmax()), inside.shape)
    x = int((x0 + int(column) + 0.5) / scale[0]) + corner[0]
    y = int((y0 + int(row) + 0.5) / scale[1]) + corner[1]
    return Point(x, y) if runs.holds(x, y) else runs.middle()
