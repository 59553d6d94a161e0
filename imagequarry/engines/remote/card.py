"""What is known of the remote engine without connecting to it."""

from __future__ import annotations

from imagequarry.domain.card import ModelCard
from imagequarry.domain.segmenter import Everything

CARD = ModelCard(
    name="sam-api",
    task="segment",
    family="remote",
    description="The SAM API at SAM_API_URL. It tells no scores: all are 1.",
    version="1",
    licence="that of the service",
    source="SAM_API_URL",
    everything=Everything(pred_iou_thresh=0, stability_score_thresh=0, crop_n_layers=0, min_mask_region_area=0),
)
