"""What of a picture stands out: a small view of it, and how unlike its edges each place is.

Two cues of J. Zhang, S. Sclaroff and others, *Minimum Barrier Salient Object Detection at 80 FPS*, ICCV 2015: what a
path to the frame has to cross (the minimum barrier distance), and how far a colour is from those along the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.subject.people import people_in
from imagequarry.domain.raster import Pixels

Floats = NDArray[np.float32]

SIDE = 128
# Light counts less than colour: shadows are no things.
_LIGHT = 0.7
_SWEEPS = 2
# Width of the strips along the sides, as a share of the longer side, and what keeps a strip of one colour from making
# everything else infinitely far.
_STRIP, _SPREAD = 0.08, 20.0
# How wide the middle of the picture is, as a share of its sides.
_MIDDLE = 0.42


@dataclass(frozen=True, slots=True)
class View:
    """A picture (h, w) at the resolution in which its subject is looked for.

    ``lab`` (h, w, 3) are its colours; ``middle`` how likely a place (0..1) belongs to the subject by standing out and
    lying near the middle, ``unlike`` by its colour alone; ``people`` is 1 where a person seems to be, else 0.
    """

    lab: Floats = field(repr=False)
    middle: Floats = field(repr=False)
    unlike: Floats = field(repr=False)
    people: Floats = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.lab.shape[:2]
        return height, width


def view_of(rgb: Pixels) -> View:
    """The view of a picture (H, W, 3)."""
    height, width = rgb.shape[:2]
    factor = SIDE / max(height, width)
    size = max(8, round(width * factor)), max(8, round(height * factor))
    small = cv2.GaussianBlur(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    lab: Floats = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
    lab[..., 0] *= _LIGHT
    barrier = _barrier(lab).sum(-1)
    unlike = _unlike_frame(lab)
    rows, columns = np.mgrid[: size[1], : size[0]].astype(np.float32)
    across, down = (columns / (size[0] - 1) - 0.5) / _MIDDLE, (rows / (size[1] - 1) - 0.5) / _MIDDLE
    central = np.exp(-(across**2) - down**2)
    people = cv2.resize(people_in(rgb).view(np.uint8), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return View(lab, _likely((_scaled(barrier) + _scaled(unlike)) * central), _likely(unlike), people)


def _barrier(values: Floats) -> Floats:
    """(h, w, c) the least span of each channel on any path from the frame, by sweeps from all four sides."""
    distance = np.full_like(values, np.inf)
    distance[[0, -1]], distance[:, [0, -1]] = 0, 0
    highest, lowest = values.copy(), values.copy()
    for _ in range(_SWEEPS):
        for turn in (False, True):
            fields: tuple[Floats, ...] = (values, distance, highest, lowest)
            if turn:
                fields = tuple(np.ascontiguousarray(part.swapaxes(0, 1)) for part in fields)
            count = len(fields[0])
            for row in range(1, count):
                _step(fields, row, row - 1)
            for row in range(count - 2, -1, -1):
                _step(fields, row, row + 1)
            if turn:
                distance, highest, lowest = (np.ascontiguousarray(part.swapaxes(0, 1)) for part in fields[1:])
    return distance


def _step(fields: tuple[Floats, ...], row: int, before: int) -> None:
    """Go on from a row to the one beside it, wherever that makes the way there cheaper."""
    values, distance, highest, lowest = fields
    high, low = np.maximum(highest[before], values[row]), np.minimum(lowest[before], values[row])
    better = high - low < distance[row]
    distance[row] = np.where(better, high - low, distance[row])
    highest[row], lowest[row] = np.where(better, high, highest[row]), np.where(better, low, lowest[row])


def _unlike_frame(lab: Floats) -> Floats:
    """(h, w) Mahalanobis distances to the colours along the four sides, less the largest: a subject may touch one."""
    height, width = lab.shape[:2]
    strip = max(2, round(_STRIP * max(height, width)))
    maps = []
    for side in (lab[:strip], lab[-strip:], lab[:, :strip], lab[:, -strip:]):
        colours = side.reshape(-1, 3)
        inverse = np.linalg.inv(np.cov(colours.T) + np.eye(3) * _SPREAD)
        away = lab.reshape(-1, 3) - colours.mean(0)
        maps.append(_scaled(np.sqrt(np.einsum("ij,jk,ik->i", away, inverse, away)).reshape(height, width)))
    return np.asarray(sum(maps) - np.max(maps, axis=0), np.float32)


def _scaled(values: NDArray[np.floating]) -> Floats:
    return np.asarray(values / max(float(values.max()), 1e-6), np.float32)


def _likely(values: NDArray[np.floating]) -> Floats:
    """Values as probabilities: a half where Otsu's threshold parts them."""
    values = _scaled(values)
    parting = cv2.threshold((values * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)[0] / 255
    parting = max(parting, 0.06)
    return np.asarray(1 / (1 + np.exp(-(values - parting) * 10 / max(2 * parting, 0.2))), np.float32)
