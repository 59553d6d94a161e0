"""The faint relief that light and shade make: detail that is lighter than what is around it stands out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.raster import Raster
from imagequarry.engines.solids.outline import Outline

Floats = NDArray[np.float32]

# Widths of what is smoothed away as noise and of what counts as "around", as shares of the longer side.
_FINE, _COARSE = 0.004, 0.06
# What is finer than at this size is smoothed away anyhow.
_SIDE = 448


def relief_of(raster: Raster, outline: Outline) -> Floats:
    """(h, w) about -1..1 over the outline's working pixels.

    Light is averaged inside the outline only, so that a bright background does not dent the subject's edge.
    """
    height, width = outline.distance.shape
    coarser = max(1.0, max(height, width) / _SIDE)
    size = max(1, round(width / coarser)), max(1, round(height / coarser))
    light = _light(raster, outline, size)
    inside = (cv2.resize(outline.distance, size, interpolation=cv2.INTER_AREA) > 0).astype(np.float32)
    fine, coarse = (_smoothed(light, inside, share * max(size)) for share in (_FINE, _COARSE))
    relief = np.clip(3 * (fine - coarse), -1, 1).astype(np.float32)
    return np.asarray(cv2.resize(relief, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _light(raster: Raster, outline: Outline, size: tuple[int, int]) -> Floats:
    """The light 0..1 of the part of a picture that an outline covers, at that width and height."""
    height, width = outline.distance.shape
    (across, down), (left, top) = outline.scale, outline.corner
    rows = slice(max(int(top), 0), min(int(top + height * down) + 2, raster.height))
    columns = slice(max(int(left), 0), min(int(left + width * across) + 2, raster.width))
    grey = cv2.cvtColor(np.ascontiguousarray(raster.rgb[rows, columns]), cv2.COLOR_RGB2GRAY)
    across, down = across * width / size[0], down * height / size[1]
    if across > 1:
        grey = cv2.blur(grey, (max(1, round(across)), max(1, round(down))))
    place = np.array([[across, 0, left - columns.start], [0, down, top - rows.start]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    light = cv2.warpAffine(grey, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(light, np.float32) / np.float32(255)


def heights_of(raster: Raster, columns: int, rows: int) -> Floats:
    """(rows, columns) the light of a picture at so many places, 0..1, without the finest grain."""
    grey = cv2.cvtColor(raster.rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    values = np.asarray(small, np.float32) / np.float32(255)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), max(0.5, min(columns, rows) / 100)), np.float32)


def _smoothed(values: Floats, inside: Floats, width: float) -> Floats:
    """The average inside the outline around each pixel, weighed by a bell of that width."""
    width = max(width, 0.5)
    weight = cv2.GaussianBlur(inside, (0, 0), width)
    return np.asarray(cv2.GaussianBlur(values * inside, (0, 0), width) / np.maximum(weight, 1e-3), np.float32)
