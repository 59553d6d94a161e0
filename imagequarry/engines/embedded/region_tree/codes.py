"""Colour and texture words: every pixel becomes one of a few dozen codes of a codebook made for this very picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bytes, Floats

WORDS = 24
SAMPLES = 4000
LIGHTNESS_WEIGHT = 0.7
SCALES = (1.0, 2.0)
ORIENTATIONS = 8


@dataclass(frozen=True, slots=True)
class Codes:
    """What the picture is made of: Lab (h, w, 3) float32 with L 0..100; colour and texture codes (h, w), 0..WORDS-1."""

    lab: Floats
    colour: Bytes
    texture: Bytes


def describe_pixels(rgb: Bytes) -> Codes:
    """The codes of an (h, w, 3) uint8 picture; the same picture always gives the same codes."""
    lab = np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    weights = np.array([LIGHTNESS_WEIGHT, 1, 1], np.float32)
    return Codes(lab, _quantised(lab * weights), _quantised(_filter_responses(lab[..., 0] / np.float32(100))))


def _quantised(features: Floats) -> Bytes:
    """Nearest centre of a k-means codebook, for features (h, w, k)."""
    flat = features.reshape(-1, features.shape[-1])
    step = max(1, len(flat) // SAMPLES)
    sample = flat[step // 2 :: step]
    centres = _centres(sample)
    # float32 products of whole pictures: one matrix product instead of a distance per centre
    nearest = ((centres * centres).sum(1) - 2 * (flat @ centres.T)).argmin(1)
    return np.asarray(nearest.reshape(features.shape[:2]), np.uint8)


def _centres(sample: Floats) -> Floats:
    """Lloyd's algorithm from a farthest-point start, without random numbers, so that threads cannot disturb it."""
    centres = np.empty((min(WORDS, len(sample)), sample.shape[1]), np.float32)
    centres[0] = sample.mean(0)
    distance = ((sample - centres[0]) ** 2).sum(1)
    for k in range(1, len(centres)):
        # the 95th percentile, not the farthest point: single odd pixels make no colour
        order = np.argsort(distance)
        centres[k] = sample[order[int(0.95 * (len(order) - 1))]]
        distance = np.minimum(distance, ((sample - centres[k]) ** 2).sum(1))
    for _ in range(8):
        nearest = ((centres * centres).sum(1) - 2 * (sample @ centres.T)).argmin(1)
        count = np.bincount(nearest, minlength=len(centres))
        total = np.stack([np.bincount(nearest, column, len(centres)) for column in sample.T], 1)
        centres = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], centres).astype(np.float32)
    return centres


def _filter_responses(light: Floats) -> Floats:
    """Second-derivative filters (2 scales x 8 orientations) and 3 centre-surround ones, (h, w, 19)."""
    responses = [cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT) for kernel in BAR_FILTERS]
    blurred = [light, *(cv2.GaussianBlur(light, (0, 0), s, borderType=cv2.BORDER_REFLECT) for s in (0.7, 1.4, 2.8))]
    responses += [fine - coarse for fine, coarse in pairwise(blurred)]
    return np.stack(responses, -1, dtype=np.float32)


def _bar_filter(scale: float, angle: float) -> Floats:
    """An elongated second derivative of a Gaussian, zero in sum and 1 in absolute sum."""
    reach = int(np.ceil(4 * scale))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    bar = (across**2 / scale**2 - 1) * np.exp(-(across**2) / (2 * scale**2) - along**2 / (8 * scale**2))
    bar -= bar.mean()
    return np.asarray(bar / np.abs(bar).sum(), np.float32)


BAR_FILTERS = [_bar_filter(s, k * np.pi / ORIENTATIONS) for s in SCALES for k in range(ORIENTATIONS)]
