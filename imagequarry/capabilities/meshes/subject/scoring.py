"""How much a set of pieces looks like the subject of its picture.

The score is a sum of a few figures. Their weights, and those by which single pieces are judged, were fitted on
photographs of the train part of BSDS500 whose subjects were chosen by hand among the outlines that people drew there
(D. Martin, C. Fowlkes, D. Tal, J. Malik, ICCV 2001). Those of people were set by hand: faces were found in few of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.subject.pieces import Pieces

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SMALLEST, LARGEST = 0.003, 0.93
"""Sets of a smaller or larger share of the picture are no subjects."""
# Pieces that far away, as a share of the picture's sides, are still around a set.
_AROUND = 0.15
# What touches more than this share of a side reaches it.
_REACHES = 0.02

_WEIGHTS = {
    "agrees": 0.34,
    "left out": -1.77,
    "stands out": 0.15,
    "unlike": 0.18,
    "people": 2.0,
    "apart": 2.12,
    "clear": 0.41,
    "top": -2.14,
    "left and right": -1.42,
    "reaches": -0.99,
    "large": 0.09,
    "middling": -0.01,
    "spread": 0.34,
    "sure": 2.26,
    "connected": -0.6,
}


class Scoring:
    """Scores sets of one picture's pieces."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._likely = pieces.likely()
        distance = ((pieces.place[:, None] - pieces.place[None]) ** 2).sum(2)
        self._near = np.exp(-distance / (2 * _AROUND**2)) * pieces.area[:, None]

    def scores(self, sets: Bools, sure: Floats) -> Floats:
        """(k,) scores of sets (k, n), the higher the better; ``sure`` (k,) is the segmenter's trust in each, 0..1."""
        figures = self.figures(sets, sure)
        score = sum((weight * figures[name] for name, weight in _WEIGHTS.items()), np.zeros(len(sets)))
        share = sets @ self._pieces.area / self._pieces.area.sum()
        return np.where((share < SMALLEST) | (share > LARGEST), -np.inf, score)

    def figures(self, sets: Bools, sure: Floats) -> dict[str, Floats]:
        """What the score goes by, (k,) each."""
        pieces, inside, outside = self._pieces, sets.astype(np.float64), (~sets).astype(np.float64)
        whole = pieces.area.sum()
        area = np.maximum(inside @ pieces.area, 1)
        cut = (inside @ pieces.contact * outside).sum(1)
        across = (inside @ (pieces.contact * pieces.step) * outside).sum(1) / np.maximum(cut, 1)
        around = outside * (inside @ self._near)
        own, others = (_shares(weights @ pieces.colours) for weights in (inside, around))
        height, width = pieces.sides[:, 2].sum(), pieces.sides[:, 0].sum()
        top, _, left, right = (inside @ pieces.sides / (width, width, height, height)).T
        middle = inside @ (pieces.place * pieces.area[:, None]) / area[:, None]
        spread = inside @ (pieces.wide * pieces.area) / area - (middle**2).sum(1)
        share = np.log(area / whole)
        return {
            "agrees": self._agrees(inside, area, self._likely),
            "left out": np.log(outside @ (pieces.area * self._likely) / np.maximum(whole - area, 1) + 0.01),
            "stands out": self._agrees(inside, area, pieces.middle),
            "unlike": self._agrees(inside, area, pieces.unlike),
            "people": self._agrees(inside, area, pieces.people) if pieces.people.any() else np.zeros(len(sets)),
            "apart": np.log(1.01 - np.minimum(own, others).sum(1)),
            "clear": np.log1p(across),
            "top": top,
            "left and right": left + right,
            "reaches": 1.0 * (top > _REACHES) + (left > _REACHES) + (right > _REACHES),
            "large": share,
            "middling": share**2,
            "spread": np.sqrt(np.maximum(spread, 0)),
            "sure": np.log(sure + 0.1),
            "connected": np.minimum(inside @ pieces.sides.sum(1) / np.sqrt(area), 4),
        }

    def _agrees(self, inside: Floats, area: Floats, likely: Floats) -> Floats:
        """How well sets and a map cover each other (Dice's coefficient, its logarithm)."""
        total = self._pieces.area * likely
        return np.asarray(np.log(2 * (inside @ total) / (area + total.sum()) + 0.01), np.float64)

    @property
    def likely(self) -> Floats:
        return self._likely


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(1, keepdims=True), 1e-9), np.float64)
