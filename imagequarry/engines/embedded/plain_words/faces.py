"""Faces of people and cats by OpenCV's cascades (P. Viola, M. Jones, CVPR 2001), kept only where they are plausible.

The cascades for whole and upper bodies are not used: on photographs of all kinds half of what they find is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades

from imagequarry.domain.raster import Pixels
from imagequarry.engines.embedded.plain_words.view import Mask, View

Cascades = dict[str, cv2.CascadeClassifier]

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
PATCH_LEAST = 0.6
ROOM = 32


@dataclass(frozen=True, slots=True)
class Face:
    """A box in pixels of the view, and how sure it is that there is a face, 0..1."""

    left: int
    top: int
    width: int
    height: int
    score: float


class Detectors:
    """The cascades, each read at its first use.

    A classifier keeps its state while it works: each call borrows a set that no other uses, so that there are as many
    sets as there were calls at one time.
    """

    def __init__(self) -> None:
        self._idle: list[Cascades] = []

    def people(self, view: View) -> list[Face]:
        """Faces of people from the front, or where there is none from the side."""
        skin = np.ones(view.lightness.shape, np.bool_) if view.colourless else skin_of(view)
        window = _window(skin)
        if window is None:
            return []
        grey = np.ascontiguousarray(_grey(view)[window])
        with self._borrowed() as cascades:
            faces = _found(cascades, FRONTAL, grey, SMALLEST_FRONTAL, FRONTAL_HITS)
            if not faces:
                faces = _found(cascades, PROFILE, grey, SMALLEST_PROFILE, PROFILE_HITS)
                turned = _found(cascades, PROFILE, grey[:, ::-1].copy(), SMALLEST_PROFILE, PROFILE_HITS)
                faces += [replace(face, left=grey.shape[1] - face.left - face.width) for face in turned]
        top, left = window[0].start, window[1].start
        faces = [replace(face, left=face.left + left, top=face.top + top) for face in faces]
        return _apart([face for face in faces if _is_face(view, skin, face)])

    def cats(self, view: View, people: list[Face]) -> list[Face]:
        """Faces of cats, large ones too, where no person's is."""
        with self._borrowed() as cascades:
            boxes, _, certainty = _cascade(cascades, CAT).detectMultiScale3(
                _grey(view), STEP, CAT_HITS, 0, (SMALLEST_CAT, SMALLEST_CAT), outputRejectLevels=True
            )
        faces = [
            Face(int(x), int(y), int(width), int(height), min(0.9, 0.5 + float(sure) / 6))
            for (x, y, width, height), sure in zip(boxes, certainty, strict=True)
            if sure >= CAT_CERTAINTY
        ]
        return _apart([cat for cat in faces if not any(_meet(cat, person) for person in people)])

    @contextmanager
    def _borrowed(self) -> Iterator[Cascades]:
        try:
            cascades = self._idle.pop()
        except IndexError:
            cascades = {}
        try:
            yield cascades
        finally:
            self._idle.append(cascades)


def _found(cascades: Cascades, name: str, grey: Pixels, smallest: int, least: int) -> list[Face]:
    """What a cascade finds, the surer the more windows agree."""
    boxes, hits = _cascade(cascades, name).detectMultiScale2(grey, STEP, least, 0, (smallest, smallest))
    return [
        Face(int(x), int(y), int(width), int(height), float(1 - 0.5 * (least - 2) / (hit + 1)))
        for (x, y, width, height), hit in zip(boxes, hits, strict=True)
    ]


def _cascade(cascades: Cascades, name: str) -> cv2.CascadeClassifier:
    if name not in cascades:
        cascades[name] = cv2.CascadeClassifier(str(Path(haarcascades) / name))
    return cascades[name]


def _grey(view: View) -> Pixels:
    return np.asarray(cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def skin_of(view: View) -> Mask:
    """Where a picture has the colours that skin of any shade has in daylight or lamplight."""
    return (view.hue > 15) & (view.hue < 88) & (view.chroma > 7) & (view.chroma < 58) & (view.lightness > 12)


def _window(skin: Mask) -> tuple[slice, slice] | None:
    """The rows and columns that hold all patches of skin with some room around, or None when there is no patch."""
    patches = cv2.boxFilter(skin.astype(np.float32), -1, (SKIN_PATCH, SKIN_PATCH)) >= PATCH_LEAST
    if not patches.any():
        return None
    (top, bottom), (left, right) = (np.flatnonzero(patches.any(axis))[[0, -1]] for axis in (1, 0))
    rows = slice(max(0, int(top) - ROOM), int(bottom) + ROOM)
    return rows, slice(max(0, int(left) - ROOM), int(right) + ROOM)


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
