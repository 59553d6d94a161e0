"""Which way edges run in each part of a picture: histograms of oriented gradients (N. Dalal, B. Triggs, CVPR 2005)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.embedded.appearance.strength import compressed, to_unit

Floats = NDArray[np.float32]

DIRECTIONS = 8
CELLS = 8
NEIGHBOURS = 0.5
SMOOTHING = 1.0
FAINT = 1.0
WEAK_EDGES = 5.0

EDGES = DIRECTIONS * CELLS * CELLS // 2
"""Numbers that ``edges`` gives."""


def edges(lightness: Floats) -> Floats:
    """(EDGES,) of length 0..1 for the lightness (S, S) of a picture, 0..100.

    Strength counts by about its square root, every cell takes half from its neighbours (a slight crop moves edges by
    less than a cell), and the picture's mean is taken away, so that what all pictures share does not make them alike.
    A cell and its mirror image, directions mirrored too, are added up.
    """
    smooth = cv2.GaussianBlur(lightness, (0, 0), SMOOTHING)
    strength, angle = cv2.cartToPolar(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    strength = compressed(np.asarray(strength, np.float32), FAINT)
    turn = np.mod(angle * np.float32(DIRECTIONS / np.pi), DIRECTIONS)
    cells = np.empty((DIRECTIONS, CELLS, CELLS), np.float32)
    for direction in range(DIRECTIONS):
        away = np.abs(turn - direction)
        share = np.maximum(0, 1 - np.minimum(away, DIRECTIONS - away))
        cells[direction] = cv2.resize(share * strength, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    around = np.pad(cells, ((0, 0), (1, 1), (1, 1)), mode="edge")
    near = around[:, 2:, 1:-1] + around[:, :-2, 1:-1] + around[:, 1:-1, 2:] + around[:, 1:-1, :-2]
    cells = (1 - NEIGHBOURS) * cells + NEIGHBOURS / 4 * near
    mirrored = cells[-np.arange(DIRECTIONS) % DIRECTIONS, :, ::-1]
    both = (cells + mirrored)[:, :, : CELLS // 2]
    return to_unit((both - both.mean()).ravel(), WEAK_EDGES)
