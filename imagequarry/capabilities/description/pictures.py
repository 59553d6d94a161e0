"""A picture that is going to be described: decoded, and with the file or the record it belongs to."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from imagequarry.capabilities.duplicates import perceptual_hash
from imagequarry.capabilities.intake import Limits, Opened, open_picture
from imagequarry.domain.described import ImageFile
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import LONGEST_NAME, StoredImage
from imagequarry.errors import InvalidPicture

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels, the record to describe, the file it lies in (None: among the blobs), and 32 bytes of its looks."""

    raster: Raster
    image: StoredImage
    file: ImageFile | None
    perceptual_hash: bytes


def from_file(file: ImageFile, stream: BinaryIO, limits: Limits) -> Picture:
    """The picture in an open file. Raises ``InvalidPicture``."""
    limits.check_bytes(file.size_bytes)
    try:
        opened = open_picture(stream, limits)
    except OSError as error:
        raise InvalidPicture("The file could not be read.") from error
    return from_opened(opened, file)


def from_opened(opened: Opened, file: ImageFile) -> Picture:
    """The same from bytes that were decoded already."""
    return Picture(opened.raster, record_of(opened, file), file, perceptual_hash(opened.raster))


def record_of(opened: Opened, file: ImageFile) -> StoredImage:
    """A new record; where the path is known already, the library keeps the old one's id."""
    return StoredImage(
        id=str(uuid.uuid4()),
        digest=opened.raster.digest,
        # A name is a label for people; the path is kept as it is.
        filename=_CONTROL.sub(" ", PurePath(file.path).name)[-LONGEST_NAME:],
        format=opened.format,
        width=opened.raster.width,
        height=opened.raster.height,
        size_bytes=opened.size_bytes,
        origin="context",
    )
