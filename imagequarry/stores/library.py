"""Pictures and their files kept together: no row without its file, and no file for long that no row names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection

from imagequarry.domain.described import ImageFile
from imagequarry.domain.records import Segmentation, StoredImage
from imagequarry.errors import Busy, Conflict, ImageNotFound, InvalidInput, NotFound, StorageFailure
from imagequarry.stores import image_files, images, segmentations, unused_images
from imagequarry.stores.blobs import Blobs
from imagequarry.stores.database import Database
from imagequarry.stores.images import Images

Also = Callable[[Connection, StoredImage], None]
"""What else belongs to a picture, done in the transaction that keeps it; gets the picture as it is kept."""


class Library:
    """Everything that changes which pictures are kept.

    A file is written before the row that names it and removed after the last such row. Both steps hold the lock of
    the digest: whoever adds a row looks once more whether the file is there, and whoever removes a file looks once
    more that no row names it. A process killed in between leaves at worst a file without a row, for ``sweep``.
    The blobs must hold nothing but pictures: what no row of ``images`` names is swept away.

    A picture can also stay where it lies, as a file of its owner: then there is a row and no blob. Such a file is
    read, never written and never deleted.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs
        self._images = Images(database)

    def add(self, image: StoredImage, data: bytes) -> None:
        """Keep a new picture. Raises Conflict when its id is taken."""
        self._keep(image, data, None)

    def store_with_masks(self, image: StoredImage, data: bytes, segmentation: Segmentation) -> None:
        """Keep a picture with its masks, in one transaction.

        Segmenting the same picture again under its id puts the new masks in place of all that was found in it before.
        Raises Conflict when another picture, or another surface's, has that id: nobody's picture is overwritten.
        """
        if segmentation.image_id != image.id:
            raise InvalidInput("The segmentation is of another picture.")
        self._keep(image, data, segmentation)

    def add_file(self, image: StoredImage, file: ImageFile, also: Also) -> StoredImage:
        """Keep a picture that stays where it lies, with all that ``also`` adds, in one transaction.

        There is one picture for each path: where one is known it keeps its id, its time and its origin, and what was
        found in another content than this goes. Returns the picture as it is kept. ``also`` should only write: on
        SQLite nobody else can meanwhile. Raises InvalidInput for a path that is not absolute or no text.
        """
        image_files.check(file)
        with self._database.write() as connection:
            self._database.lock(connection, _key(image_files.key(file.path)))
            kept = image_files.put(connection, image, file)
            also(connection, kept)
        return kept

    def describe(self, image: StoredImage, also: Also) -> None:
        """Add what ``also`` adds to a picture that is kept, in one transaction, while its content stays.

        Raises ImageNotFound when it is gone, Conflict when it is not what was described.
        """
        with self._database.write() as connection:
            now = images.locked(connection, image.id)
            if now is None:
                raise ImageNotFound
            if now.digest != image.digest:
                raise Conflict("The image has changed meanwhile.", image_id=image.id)
            also(connection, now)

    def read(self, id: str) -> tuple[StoredImage, bytes]:
        """A picture and its file. Raises ImageNotFound, StorageFailure when its file is lost or has changed."""
        image = self._images.get(id)
        try:
            return image, self._blobs.get(image.digest)
        except NotFound as error:
            with self._database.read() as connection:
                now, file = image_files.located(connection, id)  # deleted or replaced since, perhaps
            if file is not None:
                return now, image_files.read(file, now)
            if now.digest == image.digest:
                raise StorageFailure("The file of that image is missing.", image_id=id) from error
            return now, self._blobs.get(now.digest)

    def delete(self, id: str) -> None:
        """Remove a picture, what was found in it, and its blob unless another picture has the same content.

        A file outside the blobs stays. Raises ImageNotFound.
        """
        with self._database.write() as connection:
            digest = images.remove(connection, id)
        self._drop_unless_used(digest)

    def delete_unused(self, id: str, before: datetime) -> bool:
        """Remove a picture if ``unused_images`` calls it unused still; whether its blob went too."""
        with self._database.write() as connection:
            if not unused_images.is_unused(connection, id, before):
                return False
            digest = images.remove(connection, id)
        return self._drop_unless_used(digest)

    def sweep(self) -> int:
        """Remove the files that no picture names; how many. Safe beside a running server, cheap enough for daily."""
        return sum(self._drop_unless_used(digest) for digest in self._blobs.digests())

    def _keep(self, image: StoredImage, data: bytes, segmentation: Segmentation | None) -> None:
        digest = self._blobs.put(data)
        try:
            if digest != image.digest:
                raise InvalidInput("The image's digest is not that of its bytes.")
            with self._database.write() as connection:
                self._database.lock(connection, _key(digest))
                if not self._blobs.exists(digest):
                    self._blobs.put(data)
                if segmentation is None:
                    images.insert(connection, image)
                else:
                    self._insert_or_renew(connection, image)
                    segmentations.insert(connection, segmentation)
        except BaseException:
            self._try_to_drop(digest)
            raise

    def _insert_or_renew(self, connection: Connection, image: StoredImage) -> None:
        """Insert the image, or forget what was found in it so far; the lock orders who does it at once."""
        self._database.lock(connection, _key(hashlib.sha256(image.id.encode()).hexdigest()))
        before = images.locked(connection, image.id)
        if before is None:
            images.insert(connection, image)
        elif (before.origin, before.digest) != (image.origin, image.digest):
            raise Conflict("Another image has that id already; choose a different one.", image_id=image.id)
        else:
            segmentations.remove_of_image(connection, image.id)

    def _try_to_drop(self, digest: str) -> None:
        with suppress(StorageFailure, Busy):  # the outcome is settled already; a sweep will do it
            self._drop_unless_used(digest)

    def _drop_unless_used(self, digest: str) -> bool:
        if self._images.digest_in_use(digest):
            return False
        with self._database.write() as connection:
            self._database.lock(connection, _key(digest))
            return not images.uses(connection, digest) and self._blobs.delete(digest)


def _key(digest: str) -> int:
    """The 60 bits of a digest that name its lock."""
    return int(digest[:15], 16)
