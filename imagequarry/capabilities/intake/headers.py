"""What a file says of itself, read from its header alone: no decoder runs and nothing is decompressed here."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imagequarry.capabilities.intake.jpeg_header import read_jpeg
from imagequarry.capabilities.intake.limits import Limits, listed, spoken
from imagequarry.capabilities.intake.tiff_header import read_tiff
from imagequarry.errors import InvalidPicture

OTHER_KINDS = (
    (b"GIF8", "GIF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"PK\x03\x04", "ZIP"),
)
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}

# A PNG of 50 MB in chunks of 4 KB has 13 000; one picture needs a few dozen that are not pixels. Each may cost its
# reader a megabyte of inflating, so their number is bounded, not only their size.
MAX_PNG_CHUNKS = 100_000
MAX_PNG_NOTES = 256

# Pillow unpacks run-length BMP in Python, a few million steps a second; such files are small or not worth it.
MAX_RUN_LENGTH_BMP = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """A file's format, its stored ``width`` and ``height`` (before orientation) and how many pictures it holds.

    ``depth`` is the bits of one sample where the format says so in its header (PNG), else 8.
    """

    format: str
    width: int
    height: int
    pictures: int = 1
    depth: int = 8


def read_header(data: bytes, limits: Limits) -> Header:
    """The header of ``data``, accepted by ``limits``; raises InvalidPicture or PictureTooLarge."""
    name = _kind(data)
    if name is None:
        raise InvalidPicture(
            f"The file is not a picture; send {listed(limits.formats)}.", formats=sorted(limits.formats)
        )
    limits.check_format(name)
    try:
        header = _READERS[name](data)
    except (struct.error, IndexError) as error:
        raise InvalidPicture(f"The {spoken(name)} file is cut short.", format=name) from error
    limits.check_sides(header.width, header.height)
    if header.pictures > 1:
        raise InvalidPicture(
            "The file holds several pictures (an animation or several pages); send a single one.",
            format=name,
            frames=header.pictures,
        )
    return header


def _kind(data: bytes) -> str | None:
    """The format by the file's first bytes, also where it is one that is never read; None where it is none known."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if data.startswith(b"BM"):
        return "BMP"
    if data[4:8] == b"ftyp" and data[8:12] in BRANDS:
        return BRANDS[data[8:12]]
    return next((kind for start, kind in OTHER_KINDS if data.startswith(start)), None)


def _jpeg(data: bytes) -> Header:
    width, height = read_jpeg(data)
    return Header("JPEG", width, height)


def _tiff(data: bytes) -> Header:
    width, height, pages = read_tiff(data)
    return Header("TIFF", width, height, pages)


def _png(data: bytes) -> Header:
    length, name, width, height, depth = struct.unpack_from(">I4sIIB", data, 8)
    if name != b"IHDR" or length != 13:
        raise InvalidPicture("The PNG file does not begin with its header.", format="PNG")
    pictures, chunks, notes = 1, 0, 0
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        chunks += 1
        notes += name not in (b"IDAT", b"fdAT")
        if name == b"acTL" and length >= 4:
            # Pillow, and browsers, show the still picture where an animation of one frame is announced.
            pictures = max(pictures, struct.unpack_from(">I", data, position + 8)[0])
        if chunks > MAX_PNG_CHUNKS or notes > MAX_PNG_NOTES:
            raise InvalidPicture("The PNG file has too many parts.", format="PNG")
        if name == b"IEND":
            break
        position += 12 + length
    return Header("PNG", width, height, pictures, depth)


def _webp(data: bytes) -> Header:
    name = data[12:16]
    if name == b"VP8X":
        flags = data[20]
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        return Header("WEBP", width, height, _webp_frames(data) if flags & 0x02 else 1)
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WEBP", width & 0x3FFF, height & 0x3FFF)
    raise InvalidPicture("The WebP file does not begin with its header.", format="WEBP")


def _webp_frames(data: bytes) -> int:
    """Frames of an animated WebP; counting stops at the second, which is one too many already."""
    position, frames = 12, 0
    while position + 8 <= len(data) and frames < 2:
        name, length = struct.unpack_from("<4sI", data, position)
        frames += name == b"ANMF"
        position += 8 + length + length % 2
    return frames


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    run_length = size >= 40 and struct.unpack_from("<I", data, 30)[0] in (1, 2)
    if run_length and len(data) > MAX_RUN_LENGTH_BMP:
        raise InvalidPicture("The BMP file is run-length coded and too large for that.", format="BMP")
    return Header("BMP", width, abs(height))


_READERS = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "BMP": _bmp, "TIFF": _tiff}
