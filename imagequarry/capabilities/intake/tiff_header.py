"""Directories of TIFF files and of EXIF blocks, which are TIFF too: declared sizes, pages and orientation."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imagequarry.errors import InvalidPicture

NEW_SUBFILE_TYPE = 254
IMAGE_WIDTH, IMAGE_LENGTH = 256, 257
STRIP_OFFSETS, TILE_OFFSETS = 273, 324
ORIENTATION = 274
TILE_WIDTH, TILE_LENGTH = 322, 323

INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
THUMBNAIL_OR_MASK = 0b101

# A strip for every row of three planes, or tiles of 16 by 16 pixels, stay below this.
MAX_PIECES = 70_000
MAX_TILE_SIDE = 4096
MAX_ENTRIES = 4096
MAX_DIRECTORIES = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag's number of values, and the first of them where it is a whole number stored in the entry itself."""

    count: int
    value: int | None


def read_tiff(data: bytes) -> tuple[int, int, int]:
    """(width, height, pages) as the directories declare them.

    Thumbnails and masks are no pages. Raises InvalidPicture and struct.error.
    """
    first, following = _directory(data, None)
    width, height = _value(first, IMAGE_WIDTH), _value(first, IMAGE_LENGTH)
    if width is None or height is None:
        raise InvalidPicture("The TIFF file does not say how large its picture is.", format="TIFF")
    if any(tag in first and first[tag].count > MAX_PIECES for tag in (STRIP_OFFSETS, TILE_OFFSETS)):
        raise InvalidPicture("The TIFF file has too many parts.", format="TIFF")
    # A decoder makes room for a whole tile, however small the picture.
    if any((_value(first, tag) or 0) > MAX_TILE_SIDE for tag in (TILE_WIDTH, TILE_LENGTH)):
        raise InvalidPicture("The TIFF file has tiles larger than are read here.", format="TIFF")
    pages, seen = 1, 1
    while following and seen < MAX_DIRECTORIES:
        try:
            page, following = _directory(data, following)
        except struct.error:
            break
        seen += 1
        pages += not (_value(page, NEW_SUBFILE_TYPE) or 0) & THUMBNAIL_OR_MASK
    return width, height, pages


def orientation_of(exif: bytes) -> int:
    """The EXIF orientation 1..8 in a block of EXIF; 1 where there is none, or where the block is broken."""
    try:
        directory, _ = _directory(exif.removeprefix(b"Exif\0\0"), None)
    except (struct.error, InvalidPicture):
        return 1
    value = _value(directory, ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def _value(directory: dict[int, Entry], tag: int) -> int | None:
    return directory[tag].value if tag in directory else None


def _directory(data: bytes, offset: int | None) -> tuple[dict[int, Entry], int]:
    """The entries of the directory at ``offset`` (None: the first), and the offset of the next or 0."""
    order = ">" if data[:2] == b"MM" else "<"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, counts, entry = ("Q", "Q", "HHQ") if big else ("I", "H", "HHI")
    if offset is None:
        (offset,) = struct.unpack_from(order + word, data, 8 if big else 4)
    if offset > len(data):
        raise struct.error("the directory lies behind the file's end")
    (count,) = struct.unpack_from(order + counts, data, offset)
    if count > MAX_ENTRIES:
        raise InvalidPicture("The TIFF file has too many tags.", format="TIFF")
    position = offset + struct.calcsize(order + counts)
    step = 20 if big else 12
    room = step - struct.calcsize(order + entry)
    entries: dict[int, Entry] = {}
    for _ in range(count):
        tag, kind, values = struct.unpack_from(order + entry, data, position)
        inside = kind in INTEGERS and values == 1 and struct.calcsize(INTEGERS[kind]) <= room
        value = struct.unpack_from(order + INTEGERS[kind], data, position + step - room)[0] if inside else None
        # Pillow keeps the first of two entries for one tag.
        entries.setdefault(tag, Entry(values, value))
        position += step
    following = struct.unpack_from(order + word, data, position)[0] if position + room <= len(data) else 0
    return entries, following
