"""Faces of people and cats by OpenCV's cascades (P. Viola, M. Jones, CVPR 2001), kept only where they are plausible.

The cascades for whole and upper bodies are not used: on photographs of all kinds half of what they find is none.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades

from imagequarry.domain.raster import Pixels
from imagequarry.engines.embedded.plain_words.view import Mask, View

FRONTAL = "haarcascade_frontalface_alt2.xml"
PROFILE = "haarcascade_profileface.xml"
CAT = "haarcascade_frontalcatface_extended.xml"

STEP = 1.2
SMALLEST_FRONTAL, SMALLEST_PROFILE, SMALLEST_CAT = 24, 38, 44
# How many windows that differ little must agree.
FRONTAL_HITS, PROFILE_HITS, CAT_HITS = 5, 6, 2
CAT_CERTAINTY = 1.4
# The standard deviation of the lightness (0..100) in a face: eyes, brows and shadows. A smooth stone has less.
FEATURES_LEAST = 5.0
# Share of a face that has the colour of skin, whatever its shade.
SKIN_LEAST = 0.4
# Side of the smallest patch of skin in a picture that is searched for faces, in pixels of the view.
SKIN_PATCH = 13


@dataclass(frozen=True, slots=True)
class Face:
    """A box in pixels of the view, and how sure it is that there is a face, 0..1."""

    left: int
    top: int
    width: int
    height: int
    score: float


class Detectors:
    """The cascades, each read at its first use in each thread: a classifier keeps its state while it works."""

    def __init__(self) -> None:
        self._own = threading.local()

    def people(self, view: View) -> list[Face]:
        """Faces of people from the front, or where there is none from the side."""
        skin = np.ones(view.lightness.shape, np.bool_) if view.colourless else skin_of(view)
        patch = cv2.boxFilter(skin.astype(np.float32), -1, (SKIN_PATCH, SKIN_PATCH)).max()
        if patch < SKIN_LEAST:
            return []
        grey = np.asarray(cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        faces = self._found(grey, FRONTAL, SMALLEST_FRONTAL, FRONTAL_HITS)
        if not faces:
            faces = self._found(grey, PROFILE, SMALLEST_PROFILE, PROFILE_HITS)
            turned = self._found(np.ascontiguousarray(grey[:, ::-1]), PROFILE, SMALLEST_PROFILE, PROFILE_HITS)
            faces += [(Face(view.columns - f.left - f.width, f.top, f.width, f.height, f.score)) for f in turned]
        return _apart([face for face in faces if _is_face(view, skin, face)])

    def cats(self, view: View, people: list[Face]) -> list[Face]:
        """Faces of cats, large ones too, where no person's is."""
        grey = cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY)
        boxes, _, certainty = self._cascade(CAT).detectMultiScale3(
            grey, STEP, CAT_HITS, 0, (SMALLEST_CAT, SMALLEST_CAT), outputRejectLevels=True
        )
        faces = [
            Face(int(x), int(y), int(width), int(height), min(0.9, 0.5 + float(sure) / 6))
            for (x, y, width, height), sure in zip(boxes, certainty, strict=True)
            if sure >= CAT_CERTAINTY
        ]
        return _apart([cat for cat in faces if not any(_meet(cat, person) for person in people)])

    def _found(self, grey: Pixels, name: str, smallest: int, least: int) -> list[Face]:
        boxes, hits = self._cascade(name).detectMultiScale2(grey, STEP, least, 0, (smallest, smallest))
        return [
            Face(int(x), int(y), int(width), int(height), float(1 - 0.5 * (least - 2) / (hit + 1)))
            for (x, y, width, height), hit in zip(boxes, hits, strict=True)
        ]

    def _cascade(self, name: str) -> cv2.CascadeClassifier:
        cascade: cv2.CascadeClassifier | None = getattr(self._own, name, None)
        if cascade is None:
            cascade = cv2.CascadeClassifier(str(Path(haarcascades) / name))
            setattr(self._own, name, cascade)
        return cascade


def skin_of(view: View) -> Mask:
    """Where a picture has the colours that skin of any shade has in daylight or lamplight."""
    return (view.hue > 15) & (view.hue < 88) & (view.chroma > 7) & (view.chroma < 58) & (view.lightness > 12)


def _is_face(view: View, skin: Mask, face: Face) -> bool:
    """Whether its middle, where neither hair nor background is, has the colour of skin and is not smooth."""
    rows = slice(face.top + face.height // 5, face.top + face.height * 9 // 10)
    columns = slice(face.left + face.width // 5, face.left + face.width * 4 // 5)
    return bool(skin[rows, columns].mean() >= SKIN_LEAST and view.lightness[rows, columns].std() >= FEATURES_LEAST)


def _meet(one: Face, other: Face) -> bool:
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return across > 0 and down > 0 and across * down > 0.2 * min(one.width * one.height, other.width * other.height)


def _apart(faces: list[Face]) -> list[Face]:
    """The surest of those that overlap."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: (-face.score, face.left, face.top)):
        if not any(_meet(face, other) for other in kept):
            kept.append(face)
    return kept
