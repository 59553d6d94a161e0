"""A segmentation to look at: an SVG with the picture and its regions in translucent colours."""

from __future__ import annotations

import base64
import colorsys
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2

from imagequarry.capabilities.outlines import svg_path
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.errors import InvalidInput

# What every browser shows inside an SVG.
_MEDIA_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"})
_GOLDEN_ANGLE = (3 - 5**0.5) / 2  # of a full turn: hues that never crowd, however many there are
_LIGHTNESSES = (0.55, 0.42, 0.66)
_JPEG_QUALITY = 90
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Region:
    """A mask to show, with its score (0..1) and, where it has one, what it is called."""

    mask: Mask
    score: float
    label: str = ""


def drawn_over(raster: Raster, regions: Sequence[Region]) -> str:
    """The SVG document of a decoded picture and its regions.

    The picture is encoded anew as JPEG: the file it came from may lie on its side by EXIF, or be one, such as TIFF,
    that browsers do not show.
    """
    _, jpeg = cv2.imencode(".jpg", raster.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return visualization(jpeg.tobytes(), "image/jpeg", raster.width, raster.height, regions)


def visualization(picture: bytes, media_type: str, width: int, height: int, regions: Sequence[Region]) -> str:
    """An SVG document of the picture (embedded) and each region over it, with a tooltip; it needs no other file.

    ``picture`` is an upright file of ``media_type``, one that browsers show (InvalidInput otherwise), and ``width`` x
    ``height`` pixels. Larger regions are painted first, so that every one can be pointed at.
    """
    if media_type not in _MEDIA_TYPES:
        raise InvalidInput("Browsers do not show that kind of picture; convert it to PNG or JPEG first.")
    embedded = base64.b64encode(picture).decode("ascii")
    order = sorted(range(len(regions)), key=lambda index: -regions[index].mask.area)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">',
            "<title>Segmentation</title>",
            "<style>path{fill-rule:evenodd;fill-opacity:.45;stroke-width:2;stroke-linejoin:round;"
            "vector-effect:non-scaling-stroke}path:hover{fill-opacity:.7}</style>",
            f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
            f'href="data:{media_type};base64,{embedded}"/>',
            *(_path(index, regions[index]) for index in order if regions[index].mask.area),
            "</svg>",
        )
    )


def colour(index: int) -> str:
    """A colour for the n-th region, #rrggbb, well apart from those before it."""
    lightness = _LIGHTNESSES[index % len(_LIGHTNESSES)]
    red, green, blue = colorsys.hls_to_rgb(index * _GOLDEN_ANGLE % 1, lightness, 0.85)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _path(index: int, region: Region) -> str:
    label = _NOT_XML.sub("\ufffd", region.label)
    title = f"{index}{f' {label}' if label else ''}: score {region.score:.3f}, area {region.mask.area} px"
    paint = colour(index)
    return f'<path fill="{paint}" stroke="{paint}" d="{svg_path(region.mask)}"><title>{escape(title)}</title></path>'
