"""From all regions of a picture to its subject: the best one, with what belongs to it, or none that is clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.subject.saliency import View, view_of
from imagequarry.capabilities.meshes.subject.scoring import SMALLEST, Scoring
from imagequarry.capabilities.meshes.subject.tidying import holes_of, tidied
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.geometry import Box
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Prompt
from imagequarry.domain.watch import Watch

Floats = NDArray[np.float32]

_OPAQUE = 128
# A subject is found by a coarse grid, and a large model takes an hour for a fine one on a processor.
_SEARCH: Mapping[str, int | float | str | None] = {"points_per_side": 32, "crop_n_layers": 0}
# Boxes in the middle leave this share of the picture out at each side.
_INSETS = (0.05, 0.15)
_GUESSED = 0.62
_FILLING = 0.8
# A subject that scores less is none: the whole picture says more.
LEAST = -3.0
# What a piece must add to the score to be taken in.
_GAIN = 0.03
_MOST_PIECES = 6
_OWN, _SHARED = 0.75, 0.7
# A hole of this share of the mask or more is filled where that much of its colours is not those around.
_HOLE, _HOLE_OWN = 0.01, 0.5


def subject_of(raster: Raster, segmentation: Segmentation, watch: Watch) -> Mask | None:
    """The mask of the picture's subject, None where there is no clear one. Raises ``ModelFailure``, ``Cancelled``.

    Where the picture has transparent parts they say it; else it is looked for with the default segmentation model.
    """
    if raster.alpha is not None:
        mask = Mask.from_array(raster.alpha >= _OPAQUE)
        return mask if mask.area else None
    view = view_of(raster.rgb)
    least = SMALLEST * raster.width * raster.height
    found = [
        candidate
        for candidate in segmentation.everything(raster, _SEARCH, watch=watch).candidates
        if candidate.mask.area >= least
    ]
    for box in _boxes(view, raster):
        watch.check()
        found += _guesses(raster, segmentation, box)
    if not found:
        return None
    mask, score = chosen(view, found)
    return tidied(mask) if score >= LEAST else None


def _guesses(raster: Raster, segmentation: Segmentation, box: Box) -> list[Candidate]:
    """What the segmenter takes a box to hold, but for what merely fills it.

    Who is asked for a box answers with something, and is surer of it than of what it found by itself.
    """
    found = segmentation.prompted(raster, [Prompt(box=box)]).candidates
    return [
        replace(candidate, predicted_iou=_GUESSED * candidate.predicted_iou)
        for candidate in found
        if candidate.mask.area < _FILLING * box.width * box.height
    ]


def _boxes(view: View, raster: Raster) -> list[Box]:
    """Where a subject may be: the middle of the picture, wide and narrow, and around what stands out."""
    height, width = raster.size
    boxes = [Box(share * width, share * height, (1 - share) * width, (1 - share) * height) for share in _INSETS]
    rows, columns = view.size
    across, down = width / columns, height / rows
    parts, _, boxed, _ = cv2.connectedComponentsWithStats((view.middle > 0.5).astype(np.uint8))
    spots = boxed[1:parts]
    if len(spots):
        largest = spots[int(spots[:, cv2.CC_STAT_AREA].argmax())]
        low, high = spots[:, :2].min(0), (spots[:, :2] + spots[:, 2:4]).max(0)
        for (x0, y0), (x1, y1) in ((low, high), (largest[:2], largest[:2] + largest[2:4])):
            boxes.append(Box(x0 * across, y0 * down, x1 * across, y1 * down).clipped(width, height))
    return boxes


def chosen(view: View, candidates: Sequence[Candidate]) -> tuple[Mask, float]:
    """The mask of what is most likely the subject, and its score."""
    masks = np.stack([_seen(candidate.mask, view.size) for candidate in candidates])
    quality = np.array([candidate.predicted_iou for candidate in candidates], np.float32)
    scoring = Scoring(view)
    scores = scoring.scores(masks, quality)
    best = int(scores.argmax())
    mask, seen, sure, score = candidates[best].mask, masks[best], float(quality[best]), float(scores[best])
    for _ in range(_MOST_PIECES):
        beside = [i for i in range(len(masks)) if _beside(seen, masks[i])]
        if not beside:
            break
        unions = np.maximum(seen[None], masks[beside])
        share = masks[beside].sum((1, 2)) / (masks[beside].sum((1, 2)) + seen.sum())
        together = np.asarray((1 - share) * sure + share * quality[beside], np.float32)
        found = scoring.scores(unions, together)
        # Background that is taken in looks like what is around then; a part of the subject does not.
        found[scoring.apart(unions - seen, unions) < _OWN] = -np.inf
        pick = int(found.argmax())
        if found[pick] < score + _GAIN:
            break
        mask = mask.union(candidates[beside[pick]].mask)
        seen, sure, score = unions[pick], float(together[pick]), float(found[pick])
    return _filled(mask, scoring, view), score


def _filled(mask: Mask, scoring: Scoring, view: View) -> Mask:
    """The mask without holes through which something else is seen than what is around it: coffee in its cup."""
    holes = [hole for hole in holes_of(mask) if hole.area >= _HOLE * mask.area][:_MOST_PIECES]
    if not holes:
        return mask
    whole = np.repeat(_seen(mask.union(*holes), view.size)[None], len(holes), axis=0)
    own = scoring.apart(np.stack([_seen(hole, view.size) for hole in holes]), whole) >= _HOLE_OWN
    return mask.union(*(hole for hole, fill in zip(holes, own, strict=True) if fill))


def _seen(mask: Mask, size: tuple[int, int]) -> Floats:
    """The mask's share (h, w) of a view's pixels, by four places in each."""
    taken = np.zeros((2 * size[0], 2 * size[1]), np.float32)
    window = mask.window()
    at = [
        ((np.arange(2 * count) + 0.5) * length / (2 * count)).astype(np.intp)
        for count, length in zip(size, mask.size, strict=True)
    ]
    (first, last), (left, right) = (
        np.searchsorted(places, (part.start, part.stop)) for places, part in zip(at, window, strict=True)
    )
    rows, columns = at[0][first:last] - window[0].start, at[1][left:right] - window[1].start
    taken[first:last, left:right] = mask.crop()[np.ix_(rows, columns)]
    return np.asarray(taken.reshape(size[0], 2, size[1], 2).mean((1, 3)), np.float32)


def _beside(mask: Floats, piece: Floats) -> bool:
    """Whether a piece lies against the mask, and mostly outside it."""
    area = float(piece.sum())
    if area < 4 or area > 1.2 * float(mask.sum()) or float(np.minimum(mask, piece).sum()) > _SHARED * area:
        return False
    touching = np.minimum(cv2.dilate(mask, np.ones((3, 3), np.uint8)), piece).sum() - np.minimum(mask, piece).sum()
    return bool(touching > 0.15 * area**0.5)
