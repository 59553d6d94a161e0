"""Chosen masks painted in colours on a transparent canvas, one over the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities import png
from imagequarry.domain.mask import BoolArray, Mask
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.errors import InvalidInput

Colour = tuple[int, int, int, int]
Words = NDArray[np.uint32]

_STRIP = 32  # rows


@dataclass(frozen=True, slots=True)
class Instruction:
    """Paint a mask in a colour (red, green, blue, alpha, 0..255 each), or with the picture's own pixels (None)."""

    mask: Mask
    colour: Colour | None = None

    def __post_init__(self) -> None:
        if self.colour is None:
            return
        if len(self.colour) != 4 or not all(type(part) is int and 0 <= part <= 255 for part in self.colour):
            raise InvalidInput("A colour is red, green, blue and alpha, whole numbers from 0 to 255.")


def render(raster: Raster, instructions: Sequence[Instruction]) -> Pixels:
    """The masks painted in order on a transparent canvas of the picture's size: (H, W, 4) RGBA, not premultiplied.

    Later ones lie over earlier ones by Porter and Duff's "over" (Compositing Digital Images, 1984), rounded to 8 bits
    after each; where nothing is painted the canvas is transparent black.
    """
    rows, canvas = _rendered(raster, instructions)
    whole = np.zeros((*raster.size, 4), dtype=np.uint8)
    whole[rows] = canvas
    return whole


def render_png(raster: Raster, instructions: Sequence[Instruction]) -> bytes:
    """``render`` as a PNG, without the rows on which nothing is painted in memory."""
    rows, canvas = _rendered(raster, instructions)
    return png.with_blank_margins(canvas, rows.start, raster.height)


def _rendered(raster: Raster, instructions: Sequence[Instruction]) -> tuple[slice, Pixels]:
    """The rows on which anything is painted, and their pixels."""
    if any(instruction.mask.size != raster.size for instruction in instructions):
        raise ValueError("A mask is of a picture of another size.")
    visible = [instruction for instruction in instructions if instruction.mask.area]
    windows = [instruction.mask.window() for instruction in visible]
    top = min((rows.start for rows, _ in windows), default=0)
    bottom = max((rows.stop for rows, _ in windows), default=0)
    canvas = np.zeros((bottom - top, raster.width, 4), dtype=np.uint8)
    for instruction, (rows, columns) in zip(visible, windows, strict=True):
        part = canvas[rows.start - top : rows.stop - top, columns]
        inside = instruction.mask.crop()
        if instruction.colour is None:
            _paint_picture(part, inside, raster, rows, columns)
        else:
            _paint_colour(part, inside, instruction.colour)
    return slice(top, bottom), canvas


def _paint_colour(part: Pixels, inside: BoolArray, colour: Colour) -> None:
    """Paints one colour on the part of the canvas that the mask's box covers."""
    paint = np.array(colour, dtype=np.uint8)
    if colour[3] == 255:
        np.copyto(_words(part), _words(paint), where=inside)
        return
    for strip, chosen in _strips(_words(part), inside):
        strip[chosen] = over(paint.view(np.uint32), strip[chosen])


def _paint_picture(part: Pixels, inside: BoolArray, raster: Raster, rows: slice, columns: slice) -> None:
    """Paints the picture's own pixels, with the picture's alpha, likewise."""
    picture = np.asarray(cv2.cvtColor(raster.rgb[rows, columns], cv2.COLOR_RGB2RGBA), dtype=np.uint8)
    if raster.alpha is None:
        np.copyto(_words(part), _words(picture), where=inside)
        return
    picture[..., 3] = raster.alpha[rows, columns]
    strips = zip(_strips(_words(part), inside), _strips(_words(picture), inside), strict=True)
    for (strip, chosen), (paint, _) in strips:
        strip[chosen] = over(paint[chosen], strip[chosen])


def _words(pixels: Pixels) -> Words:
    """Each pixel's four bytes as one word, to be copied at once."""
    return pixels.view(np.uint32)[..., 0]


def _strips(words: Words, inside: BoolArray) -> Iterator[tuple[Words, BoolArray]]:
    """A few rows at a time, so that the arithmetic stays in the processor's cache."""
    for top in range(0, len(inside), _STRIP):
        yield words[top : top + _STRIP], inside[top : top + _STRIP]


def over(paint: Words, under: Words) -> Words:
    """Paint (1,) or (N,) over pixels (N,), RGBA bytes in words, not premultiplied, rounded to 8 bits."""
    above, below = _planes(paint), _planes(under)
    alpha = above[3] / 255
    total = alpha + below[3] / 255 * (1 - alpha)
    share = alpha / np.maximum(total, np.float32(1 / 255))
    below[:3] += (above[:3] - below[:3]) * share
    below[3] = total * 255
    below += np.float32(0.5)
    return np.ascontiguousarray(below.astype(np.uint8).T).view(np.uint32)[:, 0]


def _planes(words: Words) -> NDArray[np.float32]:
    """The four channels of (N,) pixels as (4, N): NumPy is quick along the pixels and slow along four channels."""
    return np.ascontiguousarray(words.view(np.uint8).reshape(-1, 4).T).astype(np.float32)
