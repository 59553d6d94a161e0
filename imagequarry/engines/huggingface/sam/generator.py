"""SAM's automatic mask generator, ordered so that nothing is enlarged that a cheaper test can drop.

Decisions are those of ``segment_anything/automatic_mask_generator.py`` (and of SAM 2's, which are the same): predicted
IoU above its threshold, stability at or above its own, no mask cut off by a crop's edge. But the IoU is asked before
masks are made, a bound of the stability before they are enlarged, and enlarged is only the outline.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.raster import Pixels
from imagequarry.domain.segmenter import Everything
from imagequarry.domain.watch import Watch
from imagequarry.engines.huggingface.sam import grid
from imagequarry.engines.huggingface.sam.candidates import Candidates, Kept
from imagequarry.engines.huggingface.sam.decoder import Attended
from imagequarry.engines.huggingface.sam.network import Network, SamEmbedding
from imagequarry.engines.huggingface.sam.upscale import Logits, Traced, Upscaler, reaches

# Prompts, twice as many in bfloat16: enough for the matrix products, few enough for those who wait in between, and with
# tensors of 16 MiB, which the allocator keeps; larger ones it may fetch from the system anew each time.
BATCH = 4
# On a GPU so many that it has more to do than to be told what; the masks of a prompt take 30 MB on the way.
AT_ONCE, MASKS_AT_ONCE = 128, 32
EDGE_TOLERANCE = 20  # pixels of the picture, whatever its size


def generate(network: Network, rgb: Pixels, embedding: SamEmbedding, wish: Everything, watch: Watch) -> Candidates:
    """All candidates in an (H, W, 3) picture above the wish's thresholds. ``embedding`` is that of the whole picture.

    ``watch`` is asked before every encode and every batch of prompts, and told of each. Raises InvalidInput where the
    wish makes no grid.
    """
    grid.check(wish)
    height, width = rgb.shape[:2]
    deadline = time.monotonic() + wish.max_time_ms / 1000 if wish.max_time_ms is not None else None
    crops = list(grid.crops(height, width, wish))
    total, done = sum(len(crop.points) for crop in crops), 0
    kept: list[Kept] = []
    batch = AT_ONCE if network.at_once else BATCH if network.exact else 2 * BATCH
    for number, crop in enumerate(crops):
        watch.check()
        if _over(deadline):
            return Candidates(height, width, wish, tuple(kept), complete=False)
        if number:
            embedding = network.embed(np.ascontiguousarray(rgb[crop.y0 : crop.y1, crop.x0 : crop.x1]))
        for first in range(0, len(crop.points), batch):
            watch.check()
            if _over(deadline):
                return Candidates(height, width, wish, tuple(kept), complete=False)
            points = crop.points[first : first + batch]
            kept += _batch(network, embedding, crop, points, (height, width), wish)
            done += len(points)
            watch.progress(done / total, f"part {number + 1} of {len(crops)}")
    return Candidates(height, width, wish, tuple(kept))


def _batch(
    network: Network,
    embedding: SamEmbedding,
    crop: grid.Crop,
    points: grid.Points,
    size: tuple[int, int],
    wish: Everything,
) -> Iterator[Kept]:
    attended = network.pointed(embedding, points)
    iou = attended.iou.cpu().numpy()
    promising = iou > np.float32(wish.pred_iou_thresh) if wish.pred_iou_thresh > 0 else np.ones_like(iou, dtype=bool)
    search = _together if network.at_once else _one_by_one
    for row, one, traced in search(network, embedding, attended, promising, wish.stability_score_thresh):
        box = traced.box()
        if not traced.area or cut_off(box, crop, size):
            continue
        x0, y0, x1, y1 = box
        x, y = points[row].tolist()
        yield Kept(
            iou=float(iou[row, one]),
            stability=traced.stability,
            box=(x0 + crop.x0, y0 + crop.y0, x1 - 1 + crop.x0, y1 - 1 + crop.y0),
            counts=traced.mask(crop.x0, crop.y0, *size).counts,
            point=(x + crop.x0, y + crop.y0),
            crop=(crop.x0, crop.y0, crop.x1, crop.y1),
        )


# Of a prompt's row and one of its three candidates, the mask at full size.
_Found = Iterator[tuple[int, int, Traced]]


def _one_by_one(
    network: Network, embedding: SamEmbedding, attended: Attended, promising: NDArray[np.bool_], threshold: float
) -> _Found:
    """The promising candidates that are stable."""
    upscaler = network.upscaler(embedding.frame)
    for row in np.flatnonzero(promising.any(axis=1)).tolist():
        logits = network.logits(embedding, attended, row)
        for one in np.flatnonzero(promising[row]).tolist():
            traced = stable(logits[one], upscaler, threshold)
            if traced is not None:
                yield row, one, traced


def _together(
    network: Network, embedding: SamEmbedding, attended: Attended, promising: NDArray[np.bool_], threshold: float
) -> _Found:
    """The same on a device: what is unstable never leaves it, and of what is stable only the outline does."""
    tracer = network.tracer(embedding.frame)
    rows = np.flatnonzero(promising.any(axis=1))
    for first in range(0, len(rows), MASKS_AT_ONCE):
        part = rows[first : first + MASKS_AT_ONCE]
        logits = network.several(embedding, attended, part)
        for (at, one), traced in zip(
            np.argwhere(promising[part]).tolist(), tracer.stable(logits, promising[part], threshold), strict=True
        ):
            if traced is not None:
                yield int(part[at]), one, traced


def stable(logits: Logits, upscaler: Upscaler, threshold: float) -> Traced | None:
    """The mask at full size, None where its stability is below the threshold."""
    if threshold > 0 and upscaler.stability_bound(logits) < threshold:
        return None
    traced = upscaler.trace(logits)
    return traced if reaches(traced.stability, threshold) else None


def cut_off(box: tuple[int, int, int, int], crop: grid.Crop, size: tuple[int, int]) -> bool:
    """Whether a side of a mask's box lies on a side of the crop that is no side of the picture."""
    x0, y0, x1, y1 = box
    height, width = size
    sides = (
        (x0 + crop.x0, crop.x0, 0),
        (y0 + crop.y0, crop.y0, 0),
        (x1 - 1 + crop.x0, crop.x1, width),
        (y1 - 1 + crop.y0, crop.y1, height),
    )
    return any(
        abs(side - edge) <= EDGE_TOLERANCE and abs(side - border) > EDGE_TOLERANCE for side, edge, border in sides
    )


def _over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline
