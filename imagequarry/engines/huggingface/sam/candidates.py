"""All that a grid of points found in a picture, kept so that other thresholds are answered without the model.

A candidate is kept as its exact scores, its box and its run-length encoding at full size (a kilobyte or two): less
than its logits would take, and the answer from it is the very one that a new search would give.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain import run_lengths
from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.segmenter import Candidate, Everything, Found
from imagequarry.engines.huggingface.sam.nms import suppress
from imagequarry.engines.huggingface.sam.regions import cleaned

NMS_THRESHOLD = 0.7  # within a crop, between crops and after cleaning, as in the reference

_OBJECT_BYTES = 400  # of a candidate beyond the text of its runs
_ENTRY_BYTES = 200
_LIMITS_KEPT = 3  # areas for which cleaned masks are kept


@dataclass(frozen=True, slots=True)
class Kept:
    """One candidate. ``iou`` as predicted, unclipped; ``box`` x0, y0, x1, y1 of whole pixels with the last ones
    included, as the reference measures overlap; ``counts`` COCO's text; ``crop`` x0, y0, x1, y1."""

    iou: float
    stability: float
    box: tuple[int, int, int, int]
    counts: bytes = field(repr=False)
    point: tuple[float, float]
    crop: tuple[int, int, int, int]


@dataclass(frozen=True)
class Candidates:
    """What the grid of ``wish`` found above its thresholds in a (height, width) picture, in the order of the search.

    ``complete`` is False where time ran out.
    """

    height: int
    width: int
    wish: Everything
    kept: tuple[Kept, ...] = field(repr=False)
    complete: bool = True
    # What cleaning made of a candidate (limit, index), None where it changed nothing: answers differ by little, so
    # most masks of the next one are cleaned already. Threads may both do the same work; neither sees half of it.
    _tidied: dict[tuple[int, int], bytes | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes; it grows a little with the answers."""
        tidied = list(self._tidied.values())
        texts = sum(len(one.counts) for one in self.kept) + sum(len(text) for text in tidied if text is not None)
        return texts + _OBJECT_BYTES * len(self.kept) + _ENTRY_BYTES * len(tidied) + self._table.nbytes

    def covers(self, wish: Everything) -> bool:
        """Whether the answer to that wish is in here: same grid, no lower thresholds, and the search had its time."""
        return (
            self.complete
            and _grid_of(wish) == _grid_of(self.wish)
            and _effective(wish.pred_iou_thresh) >= _effective(self.wish.pred_iou_thresh)
            and _effective(wish.stability_score_thresh) >= _effective(self.wish.stability_score_thresh)
        )

    def answer(self, wish: Everything) -> Found:
        """The candidates that the wish lets pass, without duplicates, cleaned, the best first.

        Thresholds below those of the search find nothing more than it kept: see ``covers``.
        """
        chosen = self._passing(wish)
        masks = [Mask(self.height, self.width, self.kept[i].counts) for i in chosen]
        if wish.min_mask_region_area > 0:
            chosen, masks = self._cleaned(chosen, masks, wish.min_mask_region_area)
        pairs = [(self.kept[i], mask) for i, mask in zip(chosen, masks, strict=True)]
        pairs = [pair for pair in pairs if pair[1].area >= wish.min_area]
        # By the score as predicted: above 1 the clipped ones no longer tell which is better.
        pairs.sort(key=lambda pair: -pair[0].iou)
        return Found([self._candidate(one, mask) for one, mask in pairs], self.complete)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """(n, 6): iou, stability, box."""
        rows = [(one.iou, one.stability, *one.box) for one in self.kept]
        return np.array(rows, dtype=np.float32).reshape(-1, 6)

    def _passing(self, wish: Everything) -> list[int]:
        """Indices of what passes the thresholds and survives suppression, first within crops and then between them."""
        iou, stability, boxes = self._table[:, 0], self._table[:, 1], self._table[:, 2:]
        passes = np.ones(len(self.kept), dtype=np.bool_)
        if wish.pred_iou_thresh > 0:
            passes &= iou > np.float32(wish.pred_iou_thresh)
        if wish.stability_score_thresh > 0:
            passes &= stability >= np.float32(wish.stability_score_thresh)
        survivors: list[int] = []
        for members in self._crops():
            members = members[passes[members]]
            survivors += members[suppress(boxes[members], iou[members], NMS_THRESHOLD)].tolist()
        if wish.crop_n_layers > 0:
            sizes = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (self.kept[i].crop for i in survivors)]
            scores = np.float32(1) / np.array(sizes, dtype=np.float32)
            survivors = [survivors[i] for i in suppress(boxes[survivors], scores, NMS_THRESHOLD)]
        return survivors

    def _crops(self) -> Iterator[NDArray[np.intp]]:
        """The indices found in each crop, crop after crop."""
        members: dict[tuple[int, int, int, int], list[int]] = {}
        for i, one in enumerate(self.kept):
            members.setdefault(one.crop, []).append(i)
        return (np.array(indices, dtype=np.intp) for indices in members.values())

    def _cleaned(self, chosen: list[int], masks: list[Mask], limit: int) -> tuple[list[int], list[Mask]]:
        """The masks without small regions; a mask that had to be changed gives way to one that had not."""
        scores = np.ones(len(chosen), dtype=np.float32)
        boxes = np.array([self.kept[i].box for i in chosen], dtype=np.float32).reshape(-1, 4)
        result = list(masks)
        for at, mask in enumerate(masks):
            text = self._tidy(chosen[at], mask, limit)
            if text is not None:
                result[at] = Mask(self.height, self.width, text)
                scores[at], boxes[at] = 0, inclusive(result[at].box)
        order = suppress(boxes, scores, NMS_THRESHOLD)
        return [chosen[i] for i in order], [result[i] for i in order]

    def _tidy(self, index: int, mask: Mask, limit: int) -> bytes | None:
        """The text of the mask without small regions, None where it has none."""
        key = limit, index
        try:
            return self._tidied[key]
        except KeyError:
            pass
        counts, changed = cleaned(run_lengths.counts_of(mask.counts), self.height, self.width, limit)
        if len(self._tidied) >= _LIMITS_KEPT * len(self.kept):
            self._tidied.clear()
        text = self._tidied[key] = run_lengths.text_of(counts) if changed else None
        return text

    def _candidate(self, one: Kept, mask: Mask) -> Candidate:
        return Candidate(
            mask=mask,
            predicted_iou=min(max(one.iou, 0.0), 1.0),
            stability_score=one.stability,
            point=Point(*one.point),
            crop_box=Box(*one.crop),
        )


def inclusive(box: Box) -> tuple[float, float, float, float]:
    """The box with its last column and row in place of the ones after them."""
    return box.x0, box.y0, max(box.x1 - 1, box.x0), max(box.y1 - 1, box.y0)


def _effective(threshold: float) -> float:
    """A threshold of 0 or less tests nothing."""
    return threshold if threshold > 0 else -math.inf


def _grid_of(wish: Everything) -> tuple[int, int, int]:
    factor = wish.crop_n_points_downscale_factor if wish.crop_n_layers else 1
    return wish.points_per_side, wish.crop_n_layers, factor
