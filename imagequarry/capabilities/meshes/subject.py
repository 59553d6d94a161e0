"""Which thing a picture is of."""

from __future__ import annotations

import numpy as np

from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Watch

_OPAQUE = 128


def subject_of(raster: Raster, segmentation: Segmentation, watch: Watch) -> Mask | None:
    """The mask of the picture's subject, None where there is no clear one. Raises ``ModelFailure``, ``Cancelled``."""
    if raster.alpha is not None:
        mask = Mask.from_array(raster.alpha >= _OPAQUE)
        return mask if mask.area else None
    found = segmentation.everything(raster, watch=watch).candidates
    best, best_score = None, 0.0
    for candidate in found:
        area = candidate.mask.area / (raster.width * raster.height)
        centre = candidate.mask.box.centre
        away = np.hypot(centre.x / raster.width - 0.5, centre.y / raster.height - 0.5)
        score = candidate.predicted_iou * min(area / 0.1, 1) * (1 - away) if 0.01 < area < 0.8 else 0.0
        if score > best_score:
            best, best_score = candidate.mask, score
    return best
