"""From all regions of a picture to its subject: what is most likely it and what belongs to that, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import cv2
import numpy as np

from imagequarry.capabilities.meshes.subject.guessing import Guesses, best_of
from imagequarry.capabilities.meshes.subject.outlining import outlined
from imagequarry.capabilities.meshes.subject.pieces import pieces_of
from imagequarry.capabilities.meshes.subject.saliency import view_of
from imagequarry.capabilities.meshes.subject.scoring import SMALLEST
from imagequarry.capabilities.meshes.subject.tidying import tidied
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Watch

_OPAQUE = 128
# The longest side of the picture that is searched: which thing is meant is seen at that size.
_SIDE = 512
# A subject is found by a coarse grid, and a large model takes an hour for a fine one on a processor.
_SEARCH: Mapping[str, int | float | str | None] = {"points_per_side": 32, "crop_n_layers": 0}
# A subject that scores less is none: the whole picture says more.
LEAST = -0.25


def subject_of(raster: Raster, segmentation: Segmentation, watch: Watch) -> Mask | None:
    """The mask of the picture's subject, None where there is no clear one. Raises ``ModelFailure``, ``Cancelled``.

    Where the picture has transparent parts they say it; else the default segmentation model is asked once for all
    regions of the picture, made smaller, and the outline of those that are the subject is drawn in the picture itself.
    """
    if raster.alpha is not None:
        mask = Mask.from_array(raster.alpha >= _OPAQUE)
        return mask if mask.area else None
    small = _smaller(raster)
    answer = segmentation.everything(small, _SEARCH, watch=watch)
    watch.check()
    found = [one for one in answer.candidates if one.mask.area >= SMALLEST * small.width * small.height]
    if not found:
        return None
    pieces, regions = pieces_of(view_of(small.rgb), [one.mask for one in found])
    sure = np.array([one.predicted_iou for one in found], np.float64)
    chosen, score = best_of(pieces, Guesses(regions, sure))
    watch.check()
    return outlined(raster, tidied(Mask.from_array(chosen[pieces.label]))) if score >= LEAST else None


def _smaller(raster: Raster) -> Raster:
    """The picture at the size in which it is searched, under a name of its own."""
    factor = _SIDE / max(raster.size)
    if factor >= 1:
        return raster
    size = max(1, round(raster.width * factor)), max(1, round(raster.height * factor))
    rgb = np.asarray(cv2.resize(raster.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Raster(rgb, hashlib.sha256(f"{raster.digest} at {size}".encode()).hexdigest())
