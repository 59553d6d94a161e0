"""The engine behind four plain functions, the form in which evaluation scripts call a promptable segmenter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Everything, Prompt
from imagequarry.domain.watch import Unwatched
from imagequarry.engines.embedded.region_tree import CARD, RegionTree
from imagequarry.engines.embedded.region_tree.embedding import RegionEmbedding

ENGINE = RegionTree()
Embedded = tuple[Raster, RegionEmbedding]
Scored = list[tuple[NDArray[np.bool_], float]]


def embed(rgb: NDArray[np.uint8]) -> Embedded:
    """Embed a picture (H, W, 3)."""
    image = Raster(rgb, "")
    return image, ENGINE.embed(image)


def predict_points(embedded: Embedded, points: list[tuple[float, float]], labels: list[int]) -> Scored:
    """Masks and scores for clicks, best first."""
    prompt = Prompt(tuple(Point(x, y) for x, y in points), tuple(labels))
    return _plain(ENGINE.predict(embedded[1], prompt))


def predict_box(embedded: Embedded, box: tuple[float, float, float, float]) -> Scored:
    """Masks and scores for a box (x0, y0, x1, y1), best first."""
    return _plain(ENGINE.predict(embedded[1], Prompt(box=Box(*box))))


def everything(embedded: Embedded) -> Scored:
    """All masks with the card's defaults, but specks below 200 pixels removed."""
    wish = CARD.everything
    asked = Everything(
        wish.points_per_side, wish.pred_iou_thresh, wish.stability_score_thresh, wish.crop_n_layers,
        wish.crop_n_points_downscale_factor, min_mask_region_area=200,
    )  # fmt: skip
    return _plain(ENGINE.everything(*embedded, asked, Unwatched()).candidates)


def _plain(candidates: object) -> Scored:
    """Masks as arrays with their scores."""
    assert isinstance(candidates, list)
    found: list[Candidate] = candidates
    return [(candidate.mask.array(), candidate.predicted_iou) for candidate in found]
