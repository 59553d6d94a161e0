"""The order of the published mask generator after its decoder, to compare with: enlarge all, then filter."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from bench.scenes import LOW, SIDE
from imagequarry.engines.huggingface.sam.nms import suppress
from imagequarry.engines.huggingface.sam.preprocess import Frame

Rle = dict[str, list[int]]
Values = NDArray[np.float32] | torch.Tensor  # on any device


def batch(logits: Values, iou: Values, frame: Frame, iou_thresh: float, stability_thresh: float) -> list[Rle]:
    """Run-length encodings of what passes out of (n, 3, 256, 256) logits: every candidate at full size first."""
    assert logits.shape[-1] == LOW
    masks = functional.interpolate(torch.as_tensor(logits), (SIDE, SIDE), mode="bilinear", align_corners=False)
    masks = masks[..., : frame.fitted[0], : frame.fitted[1]]
    masks = functional.interpolate(masks, (frame.height, frame.width), mode="bilinear", align_corners=False)
    scores = torch.as_tensor(iou).flatten()
    masks = masks.flatten(0, 1)
    keep = scores > iou_thresh
    masks, scores = masks[keep], scores[keep]
    stability = (masks > 1).sum((1, 2), dtype=torch.int32) / (masks > -1).sum((1, 2), dtype=torch.int32)
    keep = stability >= stability_thresh
    masks, scores = masks[keep] > 0, scores[keep]
    boxes = _boxes(masks)
    rles = _rles(masks)
    return [rles[i] for i in suppress(boxes, scores.cpu().numpy(), 0.7)]


def _boxes(masks: torch.Tensor) -> NDArray[np.float32]:
    found = []
    for axis in (1, 2):
        along = masks.amax(axis)
        place = along * torch.arange(along.shape[1], device=masks.device)
        found.append((place + along.shape[1] * ~along).amin(1))
        found.append(place.amax(1))
    x0, x1, y0, y1 = found
    return torch.stack([x0, y0, x1, y1], dim=1).float().cpu().numpy()


def _rles(masks: torch.Tensor) -> list[Rle]:
    """Changes of all masks at once, then those of each looked up among them."""
    count, height, width = masks.shape
    flat = masks.permute(0, 2, 1).flatten(1)
    changes = (flat[:, 1:] ^ flat[:, :-1]).nonzero()
    found: list[Rle] = []
    for i in range(count):
        at = changes[changes[:, 0] == i, 1] + 1
        at = torch.cat([at.new_zeros(1), at, at.new_full((1,), height * width)])
        counts = [] if flat[i, 0] == 0 else [0]
        counts += (at[1:] - at[:-1]).tolist()
        found.append({"size": [height, width], "counts": counts})
    return found
