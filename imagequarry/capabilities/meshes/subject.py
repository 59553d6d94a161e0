"""What a picture is of: the one thing in its middle that a mesh is to be made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Prompt

LEAST_LIKENESS = 0.12  # below that a mask is no subject; a picture without one becomes a relief as a whole

_LONGEST = 160  # pixels of the small copy that masks are compared on
_SPREAD = 0.27  # of the picture's sides: how far from the middle a subject is expected to reach
_WINDOW = 7  # pixels of the small copy around the outline
_ASIDE = 4  # pixels of it that an outline is moved by, to compare
_CLEAR = 25.0  # units of Lab: colours so far apart are on different things, whatever the light
_OPAQUE = 128

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def subject_of(image: Raster, segmentation: Segmentation, model: str | None = None) -> Mask | None:
    """The mask of the picture's subject, None where it has none that stands out.

    A picture with transparent parts says itself what it is of. Else the segmenter is asked for what fills the frame
    and what lies in its middle, and that answer wins which lies where subjects lie and stands out from what is around
    it. Raises ``ModelFailure``.
    """
    if image.alpha is not None:
        opaque = image.alpha >= _OPAQUE
        if 0 < np.count_nonzero(opaque) < opaque.size:
            return Mask.from_array(opaque)
    return best_of(image, segmentation.prompted(image, _prompts(image), model).candidates)


def best_of(image: Raster, candidates: Iterable[Candidate]) -> Mask | None:
    """The mask most like a subject; None where none is like one."""
    view = View.of(image)
    masks = {candidate.mask.counts: candidate.mask for candidate in candidates if candidate.mask.area}
    best = max(((view.likeness(mask), mask) for mask in masks.values()), key=lambda pair: pair[0], default=None)
    return None if best is None or best[0] < LEAST_LIKENESS else best[1]


@dataclass(frozen=True, slots=True)
class View:
    """A small copy of a picture: ``lab`` (h, w, 3) float32, and how much of a subject is ``expected`` where, 0..1."""

    lab: Floats = field(repr=False)
    expected: Floats = field(repr=False)

    @classmethod
    def of(cls, image: Raster) -> View:
        scale = min(1.0, _LONGEST / max(image.size))
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        small = cv2.resize(image.rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        across, down = (np.exp(-((((np.arange(n) + 0.5) / n - 0.5) / _SPREAD) ** 2) / 2) for n in (width, height))
        lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)
        return cls(lab, (down[:, None] * across).astype(np.float32))

    def likeness(self, mask: Mask) -> float:
        """How like a subject a mask is, 0..1: in the middle, off the borders, and its outline where colours change."""
        part = self._small(mask)
        if not part.any():
            return 0.0
        share = part.astype(np.float32)
        overlap = float(np.minimum(share, self.expected).sum() / np.maximum(share, self.expected).sum())
        # Subjects stand on the lower border, and few touch the others.
        border = np.concatenate([share[0], share[:, 0], share[:, -1], 0.5 * share[-1]])
        return overlap * (1 - float(border.mean())) ** 2 * self._standing_out(part) ** 2

    def _small(self, mask: Mask) -> Bytes:
        height, width = self.lab.shape[:2]
        sides = zip((height, width), mask.size, strict=True)
        rows, columns = ((np.arange(n) * 2 + 1) * side // (2 * n) for n, side in sides)
        return np.ascontiguousarray(mask.array()[rows[:, None], columns]).view(np.uint8)

    def _standing_out(self, part: Bytes) -> float:
        """How much more colours differ across the outline than across the same a little inwards and outwards, 0..1.

        Texture differs across any line; a subject does across its own.
        """
        aside = np.ones((2 * _ASIDE + 1, 2 * _ASIDE + 1), np.uint8)
        here = self._difference(part)
        there = [self._difference(np.asarray(moved(part, aside), np.uint8)) for moved in (cv2.erode, cv2.dilate)]
        usual = float(np.mean([value for value in there if value > 0] or [0]))
        return max(here - usual, 0.0) / max(1 - usual, 0.1)

    def _difference(self, part: Bytes) -> float:
        """How much colours differ between the two sides of an outline, 0..1: the mean over it, each place 1 at most."""
        inside = part.astype(np.float32)
        window = (_WINDOW, _WINDOW)
        share = cv2.blur(inside, window, borderType=cv2.BORDER_REPLICATE)
        line = np.asarray(cv2.morphologyEx(part, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))) > 0
        line &= (share > 0.1) & (share < 0.9)
        if not line.any():
            return 0.0
        all_of = cv2.blur(self.lab, window, borderType=cv2.BORDER_REPLICATE)
        its = cv2.blur(self.lab * inside[..., None], window, borderType=cv2.BORDER_REPLICATE)
        own, other = its[line] / share[line, None], (all_of - its)[line] / (1 - share[line, None])
        apart = np.linalg.norm(own - other, axis=1)
        return float(np.minimum(apart / _CLEAR, 1).mean())


def _prompts(image: Raster) -> list[Prompt]:
    width, height = image.width, image.height

    def at(x: float, y: float) -> Point:
        return Point(min(x * width, width - 1), min(y * height, height - 1))

    def inset(part: float) -> Box:
        return Box(part * width, part * height, (1 - part) * width, (1 - part) * height)

    middle = at(0.5, 0.5)
    clicks = [(middle,), (middle, at(0.5, 0.3)), (middle, at(0.5, 0.7)), (at(0.35, 0.5), at(0.65, 0.5))]
    boxes = [Prompt(box=inset(part)) for part in (0.03, 0.1, 0.2, 0.3)]
    return [*boxes, *(Prompt(points, (1,) * len(points)) for points in clicks)]
