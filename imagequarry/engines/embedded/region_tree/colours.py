"""Colour words: every pixel becomes one of a few dozen colours of a codebook made for this very picture."""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bytes, Floats

WORDS = 24
SAMPLES = 4000
ROUNDS = 8
LIGHTNESS_WEIGHT = 0.7


def colour_words(rgb: Bytes) -> Bytes:
    """The word 0..WORDS-1 of each pixel of an (h, w, 3) uint8 picture; the same picture always has the same words.

    The codebook is made by k-means in Lab with lightness a little less important than the colour proper.
    """
    small = np.float32(1 / 255) * rgb
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).reshape(-1, 3) * np.array([LIGHTNESS_WEIGHT, 1, 1], np.float32)
    step = max(1, len(lab) // SAMPLES)
    centres = _centres(np.asarray(lab[step // 2 :: step], np.float32))
    # |x - c|^2 without |x|^2, which is the same for all words: one matrix product for the whole picture
    distance = (-2 * centres) @ lab.T
    distance += (centres * centres).sum(1)[:, None]
    return np.asarray(distance.argmin(0).reshape(rgb.shape[:2]), np.uint8)


def _centres(sample: Floats) -> Floats:
    """Lloyd's algorithm from a spread-out start, without random numbers: threads cannot disturb each other."""
    centres = np.empty((min(WORDS, len(sample)), sample.shape[1]), np.float32)
    centres[0] = sample.mean(0)
    distance = ((sample - centres[0]) ** 2).sum(1)
    place = int(0.95 * (len(sample) - 1))
    for k in range(1, len(centres)):
        # the 95th percentile, not the farthest point: a few odd pixels make no colour
        centres[k] = sample[np.argpartition(distance, place)[place]]
        distance = np.minimum(distance, ((sample - centres[k]) ** 2).sum(1))
    for _ in range(ROUNDS):
        nearest = ((centres * centres).sum(1) - 2 * (sample @ centres.T)).argmin(1)
        count = np.bincount(nearest, minlength=len(centres))
        total = np.stack([np.bincount(nearest, column, len(centres)) for column in sample.T], 1)
        centres = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], centres).astype(np.float32)
    return centres
