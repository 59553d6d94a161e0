"""A small copy of a picture with what every statement is made from: lightness, colour and texture at each pixel."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.raster import Pixels, Raster

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

WORKING_SIDE = 320
TEXTURE_WINDOW = 7
# Chroma (distance from grey in Lab) that next to no pixel of a picture without colours has; JPEG adds a little.
COLOURLESS = 4.0


@dataclass(frozen=True, slots=True)
class View:
    """A picture at most WORKING_SIDE along its longest side; all arrays are (h, w).

    ``lightness`` 0..100, ``chroma`` >= 0 (0 is grey) and ``hue`` 0..360 degrees are those of CIE Lab (red about 40,
    yellow 100, green 135, blue 260 to 305). ``texture``: standard deviation of the lightness around a pixel.
    """

    rgb: Pixels = field(repr=False)
    lightness: Floats = field(repr=False)
    chroma: Floats = field(repr=False)
    hue: Floats = field(repr=False)
    texture: Floats = field(repr=False)
    width: int
    height: int
    colourless: bool

    @property
    def rows(self) -> int:
        return int(self.rgb.shape[0])

    @property
    def columns(self) -> int:
        return int(self.rgb.shape[1])


def look(image: Raster) -> View:
    """The view of a picture of any size."""
    shrink = min(1.0, WORKING_SIDE / max(image.size))
    size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
    rgb = image.rgb if shrink == 1 else np.asarray(cv2.resize(image.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    lab = np.asarray(cv2.cvtColor(rgb.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab), np.float32)
    lightness, a, b = (np.ascontiguousarray(lab[..., channel]) for channel in range(3))
    chroma, hue = cv2.cartToPolar(a, b, angleInDegrees=True)
    return View(
        rgb=np.ascontiguousarray(rgb),
        lightness=lightness,
        chroma=np.asarray(chroma, np.float32),
        hue=np.asarray(hue, np.float32),
        texture=_texture(lightness),
        width=image.width,
        height=image.height,
        colourless=bool(np.percentile(chroma, 99) < COLOURLESS),
    )


def _texture(lightness: Floats) -> Floats:
    """Standard deviation of the lightness (h, w) in a window around each pixel."""
    window = (TEXTURE_WINDOW, TEXTURE_WINDOW)
    mean = cv2.blur(lightness, window, borderType=cv2.BORDER_REFLECT_101)
    squares = cv2.blur(lightness * lightness, window, borderType=cv2.BORDER_REFLECT_101)
    return np.sqrt(np.maximum(squares - mean * mean, 0)).astype(np.float32)
