"""Photographs and human outlines of the Berkeley segmentation data (BSDS500), read from a folder named by the caller.

The folder must hold ``data/images/SPLIT/*.jpg`` and ``data/groundTruth/SPLIT/*.mat``. Nothing of it is kept here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image

SMALLEST, LARGEST = 0.005, 0.60


@dataclass(frozen=True, slots=True)
class Case:
    """A photograph, (H, W, 3) uint8, and for each person who outlined it the masks (H, W) of the objects."""

    name: str
    rgb: NDArray[np.uint8]
    people: list[list[NDArray[np.bool_]]]

    @property
    def objects(self) -> list[NDArray[np.bool_]]:
        """All objects of all people."""
        return [mask for masks in self.people for mask in masks]


def cases(folder: Path, split: str, limit: int | None = None) -> Iterator[Case]:
    """The cases of a split in the order of their numbers; objects cover SMALLEST..LARGEST of the picture."""
    paths = sorted((folder / "data/images" / split).glob("*.jpg"), key=lambda path: int(path.stem))
    for path in paths[:limit]:
        rgb = np.asarray(Image.open(path).convert("RGB"))
        truth = scipy.io.loadmat(folder / "data/groundTruth" / split / f"{path.stem}.mat")["groundTruth"][0]
        people = []
        for person in truth:
            segments = person["Segmentation"][0, 0].astype(np.int32)
            numbers, count = np.unique(segments, return_counts=True)
            share = count / segments.size
            people.append([segments == n for n in numbers[(share >= SMALLEST) & (share <= LARGEST)]])
        yield Case(path.stem, rgb, people)


def deepest(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], float, NDArray[np.float32]]:
    """The most interior pixel (x, y) of a mask, its depth and all depths; the frame counts as outside."""
    padded = np.pad(mask.astype(np.uint8), 1)
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return (int(x), int(y)), float(depth[y, x]), depth
