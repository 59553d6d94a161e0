"""A mask in the forms a reply may carry it in: a PNG, COCO's run lengths, polygons or an SVG."""

from __future__ import annotations

import base64
from typing import Literal, assert_never

import numpy as np

from imagequarry.capabilities import png
from imagequarry.capabilities.outlines import Polygon, polygons, svg_path
from imagequarry.domain.mask import CocoRLE, Mask

MaskFormat = Literal["png", "rle", "polygon", "svg"]
EncodedMask = str | CocoRLE | list[Polygon]


def encode(mask: Mask, format: MaskFormat = "png") -> EncodedMask:
    """The mask as a value for JSON; every form gives back the very same pixels.

    ``png``: base64 of a PNG as ``png_bytes`` makes it. ``rle``: COCO's compressed run lengths. ``polygon``: a list of
    polygons with holes along the pixels' edges, to be filled by the even-odd rule. ``svg``: an SVG document.
    """
    match format:
        case "png":
            return base64.b64encode(png_bytes(mask)).decode("ascii")
        case "rle":
            return mask.coco()
        case "polygon":
            return polygons(mask)
        case "svg":
            return svg(mask)
    assert_never(format)


def png_bytes(mask: Mask) -> bytes:
    """A grey PNG of the picture's size, one channel of 8 bits: 255 where the mask is, else 0."""
    rows, columns = mask.window()
    band = np.zeros((rows.stop - rows.start, mask.width), dtype=np.uint8)
    np.multiply(mask.crop(), np.uint8(255), out=band[:, columns])
    return png.with_blank_margins(band, rows.start, mask.height)


def svg(mask: Mask) -> str:
    """An SVG document of the picture's size with the mask as one black path; crisp at any scale, exact to the pixel."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{mask.width}" height="{mask.height}" '
        f'viewBox="0 0 {mask.width} {mask.height}" shape-rendering="crispEdges">'
        f'<path fill-rule="evenodd" d="{svg_path(mask)}"/></svg>'
    )
