"""Small pictures of pictures, for grids of thousands: made when first asked for, and kept for a while."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass, field

from PIL import Image

from imagequarry.capabilities.gallery import Gallery
from imagequarry.capabilities.intake import Limits
from imagequarry.capabilities.intake.opening import open_reduced
from imagequarry.domain.records import StoredImage
from imagequarry.models.cache import ByteCache

SMALLEST, LARGEST = 16, 1024

_QUALITY = 82
# Some 6,000 of 256 pixels.
_CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG without metadata, as the eye sees the picture; transparent parts are white."""

    jpeg: bytes = field(repr=False)

    @property
    def nbytes(self) -> int:
        return len(self.jpeg)


class Thumbnails:
    """Makes them from the gallery's files. ``limits`` are what a file may be, as when it was described."""

    def __init__(self, gallery: Gallery, limits: Limits) -> None:
        self._gallery = gallery
        self._limits = limits
        self._kept: ByteCache[tuple[str, int], Thumbnail] = ByteCache(_CACHE_BYTES)
        # A page of a grid asks for fifty at once; decoded together they would need the memory of fifty photographs.
        self._turns = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))

    def make(self, image: StoredImage, side: int) -> Thumbnail:
        """The picture with its longer side at most ``side`` pixels; a smaller one is not enlarged.

        Raises ``NotFound``, ``StorageFailure`` and ``InvalidPicture`` where its file cannot be had any more.
        """
        return self._kept.get((image.digest, side), lambda: self._made(image.id, side))

    def _made(self, id: str, side: int) -> Thumbnail:
        with self._turns:
            _, data = self._gallery.file(id)
            # Twice the pixels that are needed: reducing the rest of the way hides the blocks of the JPEG.
            picture = Image.fromarray(open_reduced(data, 2 * side, self._limits).rgb)
            picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=_QUALITY)
        return Thumbnail(file.getvalue())
