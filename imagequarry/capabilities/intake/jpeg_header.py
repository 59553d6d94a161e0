"""The segments of a JPEG file before its first scan: the declared size, and bounds on what its reader must walk."""

from __future__ import annotations

import struct

from imagequarry.errors import InvalidPicture

START_OF_SCAN = b"\xff\xda"
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xDA)})

# Each bound is far above what cameras and editors write, and far below what makes a decoder busy for minutes: extended
# XMP and ICC take one segment for 64 KB, a progressive picture some ten scans.
MAX_SEGMENTS = 2000
MAX_EXIF_SEGMENTS = 16
MAX_JUNK = 64 * 1024
MAX_SCANS = 128


def read_jpeg(data: bytes) -> tuple[int, int]:
    """(width, height) as the frame header declares them; raises InvalidPicture, struct.error and IndexError."""
    size: tuple[int, int] | None = None
    position, segments, exif, junk = 2, 0, 0, 0
    while True:
        start = data.find(b"\xff", position, position + MAX_JUNK)
        if start < 0:
            raise InvalidPicture("The JPEG file ends before its picture.", format="JPEG")
        marker = data[start + 1]
        junk += start - position
        position = start + 2
        if marker in (0x00, 0xFF):
            position = start + (1 if marker == 0xFF else 2)
            junk += 1
        elif marker not in BARE_MARKERS:
            (length,) = struct.unpack_from(">H", data, position)
            segments += 1
            exif += marker == 0xE1 and data.startswith(b"Exif", position + 2)
            if marker in FRAME_MARKERS:
                height, width = struct.unpack_from(">HH", data, position + 3)
                size = width, height
            if marker == 0xDA:
                break
            position += length
        if segments > MAX_SEGMENTS or exif > MAX_EXIF_SEGMENTS or junk > MAX_JUNK:
            raise InvalidPicture("The JPEG file has too many parts before its picture.", format="JPEG")
    if size is None:
        raise InvalidPicture("The JPEG file does not say how large its picture is.", format="JPEG")
    if data.count(START_OF_SCAN, position) > MAX_SCANS:
        raise InvalidPicture("The JPEG file has too many scans.", format="JPEG")
    return size
