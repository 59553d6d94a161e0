"""Chosen masks painted in colours on a transparent canvas, one over the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities import png
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.errors import InvalidInput

Colour = tuple[int, int, int, int]


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
    windows = [instruction.mask.window() for instruction in instructions if instruction.mask.area]
    top = min((rows.start for rows, _ in windows), default=0)
    bottom = max((rows.stop for rows, _ in windows), default=0)
    canvas = np.zeros((bottom - top, raster.width, 4), dtype=np.uint8)
    for instruction in instructions:
        rows, columns = instruction.mask.window()
        inside = instruction.mask.crop()
        part = canvas[rows.start - top : rows.stop - top, columns] if inside.size else canvas[:0, :0]
        _paint(part, inside, _paint_of(raster, instruction, inside, rows, columns))
    return slice(top, bottom), canvas


def _paint_of(
    raster: Raster, instruction: Instruction, inside: NDArray[np.bool_], rows: slice, columns: slice
) -> Pixels:
    """RGBA of the paint: one colour (4,), or the picture's own pixels inside the mask (N, 4)."""
    if instruction.colour is not None:
        return np.array(instruction.colour, dtype=np.uint8)
    own = np.full((int(np.count_nonzero(inside)), 4), 255, dtype=np.uint8)
    own[:, :3] = raster.rgb[rows, columns][inside]
    if raster.alpha is not None:
        own[:, 3] = raster.alpha[rows, columns][inside]
    return own


def _paint(part: Pixels, inside: NDArray[np.bool_], paint: Pixels) -> None:
    """Paints on the part of the canvas that the mask's box covers."""
    opaque = bool((paint[..., 3] == 255).all())
    under = None if opaque else part[inside]
    if under is None or not under[:, 3].any():
        part[inside] = np.where(paint[..., 3:] > 0, paint, 0).astype(np.uint8)
        return
    part[inside] = over(paint, under)


def over(paint: Pixels, under: Pixels) -> Pixels:
    """RGBA paint (4,) or (N, 4) over RGBA pixels (N, 4), both not premultiplied, rounded to 8 bits."""
    alpha = paint[..., 3:].astype(np.float32) / 255
    remains = under[:, 3:].astype(np.float32) / 255 * (1 - alpha)
    total = alpha + remains
    colour = paint[..., :3] * alpha + under[:, :3] * remains
    result = np.zeros(under.shape, dtype=np.uint8)
    np.divide(colour, total, out=colour, where=total > 0)
    result[:, :3] = np.rint(np.where(total > 0, colour, 0))
    result[:, 3:] = np.rint(total * 255)
    return result
