"""How much a region looks like the subject of its picture.

The weights were chosen on photographs of people, animals, plants, boats and buildings whose subjects were marked by
hand.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.subject.saliency import View

Floats = NDArray[np.float32]

# Regions whose outline is looked at closely, which is what takes time.
_CLOSELY = 16
SMALLEST, LARGEST = 0.003, 0.93
"""Regions of a smaller or larger share of the picture are no subjects."""
_WORST = -99.0
# Bins of colours along Lab's axes, and the colours they begin and end at.
_BINS = np.array([6, 8, 8])
_FIRST, _SPAN = np.array([0, -60, -60], np.float32), np.array([70, 120, 120], np.float32)
# The ring around a region is this share of its side wide; what is as wide at its outline counts as along it.
_RING, _ALONG = 0.35, 2.0
# Colours that far apart across an outline make it half a clear one.
_CLEAR = 15.0


class Scoring:
    """Scores regions of one picture, given as coverage (n, h, w) 0..1 of a view's pixels."""

    def __init__(self, view: View) -> None:
        self._view = view
        place = np.clip((view.lab - _FIRST) / _SPAN, 0, 0.999) * _BINS
        bins = (place.astype(np.intp) * (_BINS[1] * _BINS[2], _BINS[2], 1)).sum(-1).ravel()
        known, bins = np.unique(bins, return_inverse=True)
        # (pixels, colours) which colour each pixel has: histograms are products with it.
        self._colours = np.zeros((bins.size, len(known)), np.float32)
        self._colours[np.arange(bins.size), bins] = 1

    def scores(self, masks: Floats, quality: Floats) -> Floats:
        """(n,) scores, the higher the better; ``quality`` (n,) is how sure the segmenter is of each region, 0..1."""
        if not len(masks):
            return np.zeros(0, np.float32)
        score = self._from_afar(masks, quality)
        near = np.argsort(-score)[:_CLOSELY]
        result = np.full(len(masks), _WORST, np.float32)
        for row in near:
            if score[row] > _WORST:
                result[row] = score[row] + 0.35 * np.log(self.clearness(masks[row]) + 1e-3)
        return result

    def _from_afar(self, masks: Floats, quality: Floats) -> Floats:
        """All of the score but for what the outline is like."""
        flat = masks.reshape(len(masks), -1)
        area = flat.mean(1)
        agree = [_dice(flat, likely.ravel()) for likely in (self._view.middle, self._view.unlike)]
        top, bottom = masks[:, 0].mean(1), masks[:, -1].mean(1)
        left, right = masks[:, :, 0].mean(1), masks[:, :, -1].mean(1)
        # A bust stands on the lower side; what reaches several sides is more likely a background.
        sides = 1.0 * (top > 0.02) + (left > 0.02) + (right > 0.02) + 0.5 * (bottom > 0.02)
        score = (
            0.5 * np.log(agree[0] + 1e-3)
            + 0.4 * np.log(agree[1] + 1e-3)
            + 1.4 * np.log(self.apart(masks, masks) + 1e-3)
            + 1.1 * np.log(quality + 0.1)
            + 0.35 * np.log(np.minimum(area, 0.15) + 1e-3)
            - 1.0 * top
            - 0.2 * bottom
            - 1.2 * (left + right)
            - 0.6 * sides
        )
        return np.where((area < SMALLEST) | (area > LARGEST), _WORST, score).astype(np.float32)

    def apart(self, parts: Floats, wholes: Floats) -> Floats:
        """(n,) how little the colours of each part share with those around the whole it belongs to, 0..1."""
        rings = np.empty_like(wholes)
        for whole, ring in zip(wholes, rings, strict=True):
            reach = max(2, int(_RING * float(whole.sum()) ** 0.5))
            ring[:] = cv2.dilate(whole, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) - whole
        inside, around = (_shares(masks.reshape(len(masks), -1) @ self._colours) for masks in (parts, rings))
        return np.asarray(1 - np.minimum(inside, around).sum(1), np.float32)

    def clearness(self, mask: Floats) -> float:
        """How far colours are apart across the outline, inside the frame: 0..1."""
        lab = self._view.lab
        within = np.asarray(cv2.GaussianBlur(mask, (0, 0), _ALONG), np.float32)
        colours = [
            cv2.GaussianBlur(lab * part[..., None], (0, 0), _ALONG) / np.maximum(weight, 1e-3)[..., None]
            for part, weight in ((mask, within), (1 - mask, 1 - within))
        ]
        along = (within > 0.25) & (within < 0.75)
        along[[0, -1]], along[:, [0, -1]] = False, False
        if not along.any():
            return 0.0
        apart = float(np.linalg.norm((colours[0] - colours[1])[along], axis=-1).mean())
        return apart / (apart + _CLEAR)


def _dice(masks: Floats, likely: Floats) -> Floats:
    return np.asarray(2 * (masks @ likely) / (masks.sum(1) + likely.sum() + 1e-6), np.float32)


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(1, keepdims=True), 1e-6), np.float32)
