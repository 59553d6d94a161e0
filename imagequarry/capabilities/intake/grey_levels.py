"""Grey pictures of more than 256 levels, whole or floating, brought to 8 bits by scaling and never by clipping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    SAMPLEFORMAT,
    TiffImageFile,
)

from imagequarry.domain.raster import Pixels

BAND_ROWS = 256
WHITE_IS_ZERO = 0
UNSIGNED = 1


def is_many_levelled(stored: Image.Image) -> bool:
    """Whether ``stored`` is grey of 12, 16 or 32 bits, or of floats."""
    return stored.mode in ("I", "F") or stored.mode.startswith("I;16")


def grey_of(stored: Image.Image) -> Pixels:
    """(H, W) uint8 of a many-levelled picture.

    White is the largest number of 12 or 16 bits, or 1.0 for floats within 0..1. Floats beyond that and 32-bit numbers
    beyond 16 bits have no agreed white: their darkest becomes black, their brightest white. NaN is black.
    """
    low, high = _range(stored)
    grey = np.empty((stored.height, stored.width), np.uint8)
    for top, band in _bands(stored):
        scaled = (np.nan_to_num(band, nan=low, posinf=high, neginf=low).astype(np.float64) - low) * (255 / (high - low))
        grey[top : top + len(band)] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return 255 - grey if _tag(stored, PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO else grey


def _range(stored: Image.Image) -> tuple[float, float]:
    """The numbers that are black and white in ``stored``."""
    if stored.mode.startswith("I;16"):
        return 0.0, 2.0 ** min(_tag(stored, BITSPERSAMPLE) or 16, 16) - 1
    low, high = math.inf, -math.inf
    for _, band in _bands(stored):
        finite = band[np.isfinite(band)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    usual = 1.0 if stored.mode == "F" else 65535.0
    if low >= high or (low >= 0 and high <= usual):
        return (0.0, usual) if high <= usual else (0.0, high)
    return low, high


def _bands(stored: Image.Image) -> Any:
    unsigned = stored.mode == "I" and _tag(stored, SAMPLEFORMAT) in (None, UNSIGNED)
    for top in range(0, stored.height, BAND_ROWS):
        band = np.asarray(stored.crop((0, top, stored.width, min(top + BAND_ROWS, stored.height))))
        yield top, band.view(np.uint32) if unsigned else band


def _tag(stored: Image.Image, tag: int) -> int | None:
    """The first number of a TIFF's ``tag``; None for other files and absent tags."""
    value = stored.tag_v2.get(tag) if isinstance(stored, TiffImageFile) else None
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int) else None
