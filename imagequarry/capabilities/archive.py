"""Pictures that are kept, and what was found in them: every surface stores here and can use what another stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from imagequarry.capabilities.intake import Limits, Opened, from_base64, open_picture
from imagequarry.capabilities.segmentation import Answer
from imagequarry.domain.geometry import Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import (
    ImageKind,
    ListedImage,
    Operation,
    Origin,
    Segmentation,
    StoredImage,
    utc_now,
)
from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import MaskNotFound
from imagequarry.models.cache import ByteCache, CacheFigures
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations


class Archive:
    """Takes pictures in, keeps them with their masks, and finds them again.

    Decoded pictures are kept in ``rasters`` for a while: a second click on a picture must not decode it again.
    ``limits`` are for what callers send where a surface has none of its own, ``kept`` for what was let in before.
    """

    def __init__(
        self,
        library: Library,
        images: Images,
        segmentations: Segmentations,
        rasters: ByteCache[str, Raster],
        limits: Limits,
        kept: Limits | None = None,
    ) -> None:
        self._library = library
        self._images = images
        self._segmentations = segmentations
        self._rasters = rasters
        self._limits = limits
        self._kept = kept or limits

    def take(self, source: bytes | BinaryIO | str, limits: Limits | None = None) -> Opened:
        """Decode what a caller sent: a file, its bytes, or base64 text with or without a data URL's prefix.

        Raises ``InvalidPicture`` (``FileTooLarge``, ``PictureTooLarge``). Nothing is kept yet.
        """
        limits = limits or self._limits
        data = from_base64(source, limits) if isinstance(source, str) else source
        return open_picture(data, limits)

    def keep(
        self, opened: Opened, id: str, origin: Origin, filename: str = "", kind: ImageKind = "original"
    ) -> StoredImage:
        """Keep the picture under a new id. Raises ``Conflict`` when the id is taken."""
        image = _image(opened, id, origin, filename, kind)
        self._library.add(image, opened.data)
        return image

    def keep_copy(self, id: str, new_id: str, origin: Origin) -> StoredImage:
        """Keep a kept picture under a second id, for who must have it as long as he needs it; lists do not show it.

        Its file is shared, unless it lies outside of what we keep. Raises ``ImageNotFound``, ``Conflict``.
        """
        image, data = self._library.read(id)
        copy = replace(image, id=new_id, kind="copy", origin=origin, created_at=utc_now())
        self._library.add(copy, data)
        return copy

    def keep_with_masks(
        self, opened: Opened, id: str, origin: Origin, operation: Operation, answer: Answer, filename: str = ""
    ) -> Segmentation:
        """Keep the picture and what was found in it under one new id, both or neither.

        Raises ``Conflict`` when the id is taken.
        """
        image = _image(opened, id, origin, filename, "original")
        found = _found(image, id, operation, answer)
        self._library.store_with_masks(image, opened.data, found)
        return found

    def keep_found(self, id: str, image_id: str, operation: Operation, answer: Answer) -> Segmentation:
        """Keep what was found in a kept picture, in place of what was kept under that id before.

        Raises ``ImageNotFound``.
        """
        found = _found(self._images.get(image_id), id, operation, answer)
        self._segmentations.keep(found)
        return found

    def mask_counts(self, ids: Sequence[str]) -> dict[str, int]:
        """How many masks were kept under each of these ids; those without any are left out."""
        return self._segmentations.mask_counts(ids)

    def mask_counts_of_batches(self, ids: Sequence[str]) -> dict[str, int]:
        """The same for batches of jobs: what their pictures hold together."""
        return self._segmentations.mask_counts_of_batches(ids)

    def image(self, id: str) -> StoredImage:
        """What is known of a kept picture. Raises ``ImageNotFound``."""
        return self._images.get(id)

    def file(self, id: str) -> tuple[StoredImage, bytes]:
        """A kept picture and its file as it was sent. Raises ``ImageNotFound``."""
        return self._library.read(id)

    def raster(self, id: str) -> Raster:
        """A kept picture, decoded. Raises ``ImageNotFound``."""
        image = self._images.get(id)
        return self._rasters.get(image.digest, lambda: self._decoded(id))

    def raster_once(self, id: str) -> Raster:
        """The same for who will not ask again: a batch of a thousand leaves the room to those who click."""
        known = self._rasters.peek(self._images.get(id).digest)
        return known if known is not None else self._decoded(id)

    def cache_figures(self) -> CacheFigures:
        """How the decoded pictures in memory are doing."""
        return self._rasters.figures()

    def page(self, limit: int, offset: int = 0) -> list[ListedImage]:
        """Kept pictures, the newest first, with the number of masks of each."""
        return self._images.page(limit, offset, kind="original")

    def delete(self, id: str) -> None:
        """Remove a picture and what was found in it. Raises ``ImageNotFound``."""
        self._library.delete(id)

    def segmentation(self, id: str) -> Segmentation:
        """What a request found. Raises ``JobNotFound``."""
        return self._segmentations.get(id)

    def found_in(self, image_id: str) -> Segmentation | None:
        """What was found in a picture last, or None where it was never segmented. Raises ``ImageNotFound``."""
        return self._newest(image_id, with_masks=True)

    def chosen_masks(self, image_id: str, positions: Sequence[int]) -> dict[int, Candidate]:
        """The named masks of a picture, by position. Raises ``ImageNotFound``, ``MaskNotFound`` when one is missing."""
        found = self._newest(image_id)
        masks = self._segmentations.masks(found.id, positions) if found else {}
        if missing := sorted(set(positions) - set(masks)):
            raise MaskNotFound(positions=missing)
        return masks

    def masks_at(self, image_id: str, x: int, y: int) -> dict[int, Candidate]:
        """The masks of a picture that hold the pixel, by position, the smallest first. Raises ``ImageNotFound``."""
        found = self._newest(image_id)
        near = self._segmentations.masks_with_box_at(found.id, x, y) if found else {}
        return {position: candidate for position, candidate in near.items() if candidate.mask.contains(Point(x, y))}

    def _decoded(self, id: str) -> Raster:
        return open_picture(self._library.read(id)[1], self._kept).raster

    def _newest(self, image_id: str, *, with_masks: bool = False) -> Segmentation | None:
        found = self._segmentations.latest_of_image(image_id, with_masks=with_masks)
        if found is None:
            self._images.get(image_id)
        return found


def _found(image: StoredImage, id: str, operation: Operation, answer: Answer) -> Segmentation:
    return Segmentation(
        id=id,
        digest=image.digest,
        width=image.width,
        height=image.height,
        operation=operation,
        model=answer.model,
        candidates=answer.candidates,
        image_id=image.id,
        complete=answer.complete,
    )


def _image(opened: Opened, id: str, origin: Origin, filename: str, kind: ImageKind) -> StoredImage:
    raster = opened.raster
    # A name is a label for people; what cannot be printed or is too long is no use to them.
    label = "".join(c for c in filename if c.isprintable())[-255:]
    return StoredImage(
        id=id,
        digest=raster.digest,
        filename=label,
        format=opened.format,
        width=raster.width,
        height=raster.height,
        size_bytes=opened.size_bytes,
        kind=kind,
        origin=origin,
    )
