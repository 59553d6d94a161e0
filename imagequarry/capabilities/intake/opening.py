"""From a file's bytes to an upright sRGB raster: header first, then Pillow, and any fault is a sentence."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, COMPRESSION, PLANAR_CONFIGURATION, TiffImageFile

from imagequarry.capabilities.intake.colour import colours_and_alpha, lay_on_white, pixels_of
from imagequarry.capabilities.intake.headers import Header, read_header
from imagequarry.capabilities.intake.limits import DEFAULT_LIMITS, Limits, spoken
from imagequarry.capabilities.intake.tiff_header import orientation_of
from imagequarry.capabilities.intake.webp import decode_webp
from imagequarry.domain.raster import Raster
from imagequarry.errors import InvalidPicture, PictureTooLarge, QuarryError

# Pillow warns of every odd tag in words of the file's own making: a log that strangers write, and a registry of texts
# seen that never shrinks. What matters among them is refused here anyway.
warnings.filterwarnings("ignore", module=r"PIL\.")

# The decoder is chosen by our own look at the content, so Image.open with its sniffing, its global pixel limit and its
# warnings plays no part. A phone's MPO is read as the JPEG it starts with.
DECODERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tiff"}

# EXIF orientation -> what turns the stored picture upright (CIPA DC-008, table 6). TIFF is turned by its decoder.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture that was taken in: its pixels, the ``format`` its content has, and the file's own bytes."""

    raster: Raster
    format: str
    data: bytes = field(repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.format]

    @property
    def suffix(self) -> str:
        """The file name's ending for this format, with its dot."""
        return SUFFIXES[self.format]


def open_picture(source: bytes | BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Opened:
    """Decode the picture in ``source``, bytes or a file from its present position, as the eye sees it.

    Orientation is applied and colours are sRGB; transparent pixels lie on white in ``raster.rgb`` and keep their
    opacity in ``raster.alpha``. Raises InvalidPicture, FileTooLarge or PictureTooLarge, nothing else.
    """
    data = source if isinstance(source, bytes) else source.read(limits.max_bytes + 1)
    header, raster = _read(data, limits, None)
    return Opened(raster, header.format, data)


def open_reduced(data: bytes, side: int, limits: Limits = DEFAULT_LIMITS) -> Raster:
    """Decode the picture with no more pixels than needed where the format allows that; raises as ``open_picture``.

    A JPEG comes out at 1/2, 1/4 or 1/8 of its size, but with no side below ``side`` that was not: a tenth of the work.
    """
    return _read(data, limits, side)[1]


def _read(data: bytes, limits: Limits, side: int | None) -> tuple[Header, Raster]:
    limits.check_bytes(len(data))
    header = read_header(data, limits)
    try:
        return header, _decode(data, header, limits, side)
    except QuarryError:
        raise
    except MemoryError as error:
        raise PictureTooLarge("There is not enough memory to read the picture.", format=header.format) from error
    # Decoders of hostile bytes raise OSError, SyntaxError, ValueError, TypeError, struct.error, zlib.error and more,
    # and the list grows with every release: whatever it is, the file cannot be read.
    except Exception as error:
        raise InvalidPicture(
            f"The {spoken(header.format)} file is damaged, cut short or of a kind that is not read here.",
            format=header.format,
        ) from error


def digest_of(data: bytes) -> str:
    """SHA-256 of the file, in hexadecimal: the name of its content."""
    return hashlib.sha256(data).hexdigest()


def _loaded(data: bytes, header: Header, limits: Limits, side: int | None) -> Image.Image:
    stored = DECODERS[header.format](io.BytesIO(data))
    # A file may contradict itself, with a second header say: what counts is the size that is going to be decoded.
    limits.check_sides(*stored.size)
    if isinstance(stored, TiffImageFile) and _in_planes_of_16_bits(stored):
        raise InvalidPicture("TIFF files of 16 bits in uncompressed planes are not read here.", format="TIFF")
    if side is not None:
        stored.draft(None, (side, side))
    stored.load()
    return stored


def _in_planes_of_16_bits(stored: TiffImageFile) -> bool:
    """Whether it is the one layout that Pillow 13 opens and then reads wrongly, as if its samples had 8 bits."""
    depths: tuple[int, ...] = stored.tag_v2.get(BITSPERSAMPLE, (1,))
    planes = len(depths) > 1 and stored.tag_v2.get(PLANAR_CONFIGURATION, 1) == 2
    return planes and stored.tag_v2.get(COMPRESSION, 1) == 1 and max(depths) > 8


def _decode(data: bytes, header: Header, limits: Limits, side: int | None) -> Raster:
    stored = decode_webp(data) if header.format == "WEBP" else _loaded(data, header, limits, side)
    turn = None if header.format == "TIFF" else UPRIGHT.get(orientation_of(stored.info.get("exif") or b""))
    colours, opacity = colours_and_alpha(stored, header.depth)
    # Forgotten as soon as the colours are out of it, so that at most two whole pictures are held at a time.
    del stored
    if turn is not None:
        colours = colours.transpose(turn)
        opacity = opacity.transpose(turn) if opacity is not None else None
    rgb = pixels_of(colours)
    alpha = pixels_of(opacity) if opacity is not None else None
    if alpha is not None:
        lay_on_white(rgb, alpha)
        alpha.setflags(write=False)
    rgb.setflags(write=False)
    return Raster(rgb, digest_of(data), alpha)
