"""Boundary strength in 8 orientations from colour, texture and brightness differences.

The idea of gPb (Arbelaez, Maire, Fowlkes, Malik, PAMI 2011) without its spectral part: the histograms of codes on
both sides of each pixel are compared for every orientation, at several scales, and a logistic sum of the differences
gives a probability.
"""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bytes, Floats
from imagequarry.engines.embedded.region_tree.codes import WORDS, Codes

ORIENTATIONS = 8
TEXTURE = ((4.0, 2.7), (8.0, 1.5))
COLOUR = ((2.0, 4.1), (8.0, 3.3))
GRADIENT = ((1.0, 2.3), (2.0, 2.6))
BIAS = -7.2
ANGLES = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS


def edges(rgb: Bytes, codes: Codes) -> Floats:
    """Boundary strength 0..1, (h, w, 8): orientation k is an edge running at angle k * pi / 8 to the x axis."""
    evidence = np.full((*rgb.shape[:2], ORIENTATIONS), BIAS, np.float32)
    for scale, weight in TEXTURE:
        evidence += weight * _difference_of_sides(codes.texture, scale)
    for scale, weight in COLOUR:
        evidence += weight * _difference_of_sides(codes.colour, scale)
    for scale, weight in GRADIENT:
        evidence += weight * _gradient(codes.lab, scale)
    return np.asarray(1 / (1 + np.exp(-evidence)), np.float32)


def _difference_of_sides(code: Bytes, scale: float) -> Floats:
    """Hellinger distance 0..1 of the code histograms on both sides of each pixel, (h, w, 8).

    Coarse scales are computed on a smaller picture: histograms blurred by 2 pixels need no full resolution.
    """
    height, width = code.shape
    shrink = 1
    while scale >= 3:
        scale, shrink = scale / 2, shrink * 2
    size = (max(4, width // shrink), max(4, height // shrink))
    roots = []
    for word in range(WORDS):
        plane: cv2.typing.MatLike = (code == word).astype(np.float32)
        if shrink > 1:
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        plane = cv2.GaussianBlur(plane, (0, 0), scale, borderType=cv2.BORDER_REFLECT)
        roots.append(cv2.sqrt(np.maximum(plane, 0)))
    reach = int(np.ceil(1.5 * scale)) + 1
    padded = np.pad(np.stack(roots), ((0, 0), (reach, reach), (reach, reach)), "symmetric")
    h, w = roots[0].shape
    differences = []
    for angle in ANGLES:
        dx, dy = round(-np.sin(angle) * 1.5 * scale), round(np.cos(angle) * 1.5 * scale)
        one = padded[:, reach + dy : reach + dy + h, reach + dx : reach + dx + w]
        other = padded[:, reach - dy : reach - dy + h, reach - dx : reach - dx + w]
        squared = np.zeros((h, w), np.float32)
        for plane in one - other:
            cv2.accumulateSquare(plane, squared)
        if shrink > 1:
            squared = np.asarray(cv2.resize(squared, (width, height)), np.float32)
        differences.append(np.sqrt(squared / 2))
    return np.stack(differences, -1)


def _gradient(lab: Floats, scale: float) -> Floats:
    """Size of the Lab gradient across each orientation, 0..2, (h, w, 8)."""
    smooth = cv2.GaussianBlur(lab, (0, 0), scale, borderType=cv2.BORDER_REFLECT)
    gx, gy = (cv2.Sobel(smooth, -1, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1)))
    xx, yy, xy = (np.einsum("ijk,ijk->ij", p, q)[..., None] for p, q in ((gx, gx), (gy, gy), (gx, gy)))
    sine, cosine = np.sin(ANGLES, dtype=np.float32), np.cos(ANGLES, dtype=np.float32)
    energy = xx * sine**2 + yy * cosine**2 - 2 * xy * sine * cosine
    return np.asarray(np.minimum(np.sqrt(np.maximum(energy, 0)) * (scale / 20), 2), np.float32)
