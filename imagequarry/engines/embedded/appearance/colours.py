"""Which colours are in a picture and about where: soft histograms of five lightnesses and eight hues."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.embedded.appearance.strength import to_unit

Floats = NDArray[np.float32]

LEVELS = 5
HUES = 8
# Colours below this chroma (distance from grey in Lab) are grey, those above the other are wholly of their hue.
GREY, COLOURFUL = 6.0, 20.0
DARK, BRIGHT = 30.0, 70.0
GRID = 8
# Parts of the grid as rows and columns; all of them reach as far to the left as to the right.
PARTS = ((0, 8, 0, 8), (0, 3, 0, 8), (3, 5, 0, 8), (5, 8, 0, 8), (2, 6, 2, 6))
RARE = 0.002
CENTRED = 0.8

BINS = LEVELS + 2 * HUES
COLOURS = BINS * len(PARTS)
"""Numbers that ``colours`` gives."""


def colours(lab: Floats) -> Floats:
    """(COLOURS,) of length 1 for a coarse picture in Lab (S, S, 3).

    Pixels are shared between neighbouring bins, so that a little more light changes little. Square roots make the
    product of two histograms the likeness of Bhattacharyya; most of their mean is taken away.
    """
    lightness, a, b = (lab[..., channel] for channel in range(3))
    chroma, hue = cv2.cartToPolar(a, b)
    colourful = np.clip((chroma - GREY) / (COLOURFUL - GREY), 0, 1)
    bright = np.clip((lightness - DARK) / (BRIGHT - DARK), 0, 1)
    level = np.clip(lightness, 0, 100) * np.float32((LEVELS - 1) / 100)
    turn = hue * np.float32(HUES / (2 * np.pi))
    shares = [(1 - colourful) * np.maximum(0, 1 - np.abs(level - at)) for at in range(LEVELS)]
    for at in range(HUES):
        away = np.abs(turn - at)
        of_hue = colourful * np.maximum(0, 1 - np.minimum(away, HUES - away))
        shares += [of_hue * bright, of_hue * (1 - bright)]
    grid = np.stack([cv2.resize(share, (GRID, GRID), interpolation=cv2.INTER_AREA) for share in shares])
    parts = np.stack([grid[:, top:bottom, left:right].mean((1, 2)) for top, bottom, left, right in PARTS])
    roots = np.sqrt(np.maximum(parts, 0) + np.float32(RARE))
    return to_unit((roots - CENTRED * roots.mean(1, keepdims=True)).ravel(), 0.0)
