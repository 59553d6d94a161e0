"""Soft targets from several people's outlines of one photograph: how many drew a boundary here, and in which direction.

Reads the Berkeley segmentation data (BSDS500: Arbelaez, Maire, Fowlkes, Malik, PAMI 2011).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image

ORIENTATIONS = 8
TOLERANCE = 3.0  # people who drew within so many pixels of each other agree
CELL = 4  # the grouping feature's cells, pixels

Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Example:
    """One photograph at one scale, cut to whole cells."""

    rgb: NDArray[np.uint8]  # (h, w, 3)
    edges: NDArray[np.uint8]  # (h, w, 8), 255 = everybody drew a boundary here in this direction
    labels: NDArray[np.int16]  # (people, h/4, w/4), the segment of each cell's centre


def photographs(bsds: Path, split: str) -> Iterator[tuple[str, NDArray[np.uint8], list[Labels]]]:
    """Every photograph of a part of the data: its name, RGB (h, w, 3) and one label map (h, w) per person."""
    for path in sorted((bsds / "data/images" / split).glob("*.jpg"), key=lambda p: int(p.stem)):
        people = scipy.io.loadmat(bsds / "data/groundTruth" / split / f"{path.stem}.mat")["groundTruth"][0]
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        yield path.stem, rgb, [person["Segmentation"][0, 0].astype(np.int32) for person in people]


def example(rgb: NDArray[np.uint8], people: list[Labels], scale: float) -> Example:
    """A training example at `scale` times the photograph's size."""
    height, width = (int(side * scale) // CELL * CELL for side in rgb.shape[:2])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = rgb if scale == 1 else cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=kind)
    maps = [
        np.asarray(cv2.resize(person, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST), np.int32)
        for person in people
    ]
    edges = oriented_boundaries(maps)[:height, :width]
    labels = np.stack([m[CELL // 2 : height : CELL, CELL // 2 : width : CELL] for m in maps]).astype(np.int16)
    return Example(np.ascontiguousarray(small[:height, :width]), np.round(255 * edges).astype(np.uint8), labels)


def oriented_boundaries(people: list[Labels]) -> NDArray[np.float32]:
    """(h, w, 8) in 0..1: the share of people with a boundary near, by its direction, on the ridge of all they drew.

    Plane o answers to boundaries that run along (cos(o*pi/8), sin(o*pi/8)), y downward.
    """
    shape = people[0].shape
    density = np.zeros(shape, np.float32)
    share = np.zeros((*shape, ORIENTATIONS), np.float32)
    for labels in people:
        drawn = _boundary(labels)
        if not drawn.any():
            continue
        distance, nearest = cv2.distanceTransformWithLabels(
            (~drawn).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        density += np.exp(-(distance**2) / 2)
        near = distance <= TOLERANCE
        direction = np.zeros((int(nearest.max()) + 1, ORIENTATIONS), np.float32)
        direction[nearest[drawn]] = _directions(drawn)[drawn]
        share[near] += direction[nearest[near]]
    ridge = density / np.maximum(cv2.dilate(density, np.ones((7, 7), np.uint8)), 1e-3)
    return (share * ridge[..., None] / len(people)).astype(np.float32)


def _boundary(labels: Labels) -> NDArray[np.bool_]:
    """The pixels on both sides of every crack between two segments."""
    drawn = np.zeros(labels.shape, bool)
    across, down = labels[:, :-1] != labels[:, 1:], labels[:-1] != labels[1:]
    drawn[:, :-1] |= across
    drawn[:, 1:] |= across
    drawn[:-1] |= down
    drawn[1:] |= down
    return drawn


def _directions(drawn: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How well each direction fits the line through each pixel (h, w, 8), from the structure tensor; all where bent."""
    line = cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), 1.2)
    gx, gy = cv2.Sobel(line, -1, 1, 0), cv2.Sobel(line, -1, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2.5) for product in (gx * gx, gy * gy, gx * gy))
    total = np.maximum(xx + yy, 1e-12)
    cosine, sine = -(xx - yy) / total, -2 * xy / total  # of twice the tangent's angle, times the straightness
    straight = np.minimum(np.hypot(cosine, sine), 1)
    angle = 2 * np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
    unit = np.maximum(straight, 1e-6)
    along = (cosine / unit)[..., None] * np.cos(angle) + (sine / unit)[..., None] * np.sin(angle)
    fit = ((1 + along) / 2) ** 2
    return np.asarray(straight[..., None] * fit + (1 - straight[..., None]), np.float32)
