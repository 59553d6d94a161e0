"""The pictures that were described: listing, looking up, taking files in, and being rid of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.files import folder_below, is_plain, write_atomically
from imagequarry.capabilities.intake import Opened
from imagequarry.capabilities.roots import Roots
from imagequarry.domain.described import DescribedImage, ImageFile
from imagequarry.domain.records import StoredImage
from imagequarry.errors import InvalidInput, NotFound
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.vectors import Vectors

# A picture with another ending would be passed over when its folder is read.
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was written below the folder of uploads: as replies name it, and where it lies."""

    shown: str
    path: Path
    opened: Opened


class Gallery:
    """What surface B knows of pictures, whichever surface stored them."""

    def __init__(
        self, descriptions: Descriptions, vectors: Vectors, archive: Archive, roots: Roots, uploads: Path
    ) -> None:
        self._descriptions = descriptions
        self._vectors = vectors
        self._archive = archive
        self._roots = roots
        self._uploads = uploads

    def page(self, limit: int, offset: int = 0, objects: Sequence[str] = ()) -> list[DescribedImage]:
        """Described pictures, the newest first; with ``objects`` those that have any of them."""
        return self._descriptions.page(limit, offset, objects=objects)

    def count(self, objects: Sequence[str] = ()) -> int:
        """How many pictures are described; with ``objects`` how many have any of them."""
        return self._descriptions.count(objects=objects)

    def get(self, id: str) -> DescribedImage:
        """All that is known of a picture, described or not. Raises ``ImageNotFound``."""
        return self._descriptions.get(id)

    def paths(self, ids: Sequence[str]) -> dict[str, str]:
        """Where each of these pictures lies."""
        return {id: path_of(known) for id, known in self._descriptions.many(ids).items()}

    def image(self, id: str) -> StoredImage:
        """A picture whose file callers may have.

        Raises ``ImageNotFound``, and ``NotFound`` for a file that is gone or lies outside the roots.
        """
        known = self._descriptions.get(id)
        if known.file is not None:
            # The command line may have recorded files that the server's callers may not have.
            with self._roots.open(known.file.path):
                pass
        return known.image

    def file(self, id: str) -> tuple[StoredImage, bytes]:
        """A picture and its file.

        Raises what ``image`` raises, and ``StorageFailure`` for a file that changed.
        """
        self.image(id)
        return self._archive.file(id)

    def statistics(self) -> dict[str, Any]:
        """Counts of pictures, of objects by name, and of vectors by the model that made them."""
        return {
            "total_images": self.count(),
            "top_objects": dict(self._descriptions.object_counts(50)),
            "vectors": self._vectors.spaces(),
            "vector_engine": self._vectors.engine,
        }

    def upload(self, name: str, source: BinaryIO, folder: str, *, overwrite: bool) -> Upload:
        """Write a picture under its own name into a folder below that of uploads, whole or not at all.

        A name without the ending of what the file is gets one. Raises ``InvalidPicture``, ``InvalidPath``,
        ``InvalidInput`` for a name that is none, ``Conflict`` when there is such a file and ``overwrite`` is false.
        """
        place = folder_below(self._uploads, folder, "uploads", "upload_dir")
        # Some browsers send the whole path.
        plain = name.replace("\\", "/").rpartition("/")[2]
        if not is_plain(plain) or plain.startswith("."):
            raise InvalidInput(
                "The file needs a name of 1 to 255 bytes without control characters or any of : * ? < > |."
            )
        opened = self._archive.take(source)
        if not plain.lower().endswith(_ENDINGS[opened.format]):
            plain += opened.suffix
        path = place / plain
        write_atomically(path, opened.data, replace=overwrite)
        return Upload(path.relative_to(self._uploads.resolve().parent).as_posix(), path, opened)

    def delete(self, id: str, *, delete_file: bool = False) -> bool:
        """Forget a picture and all that was found in it; whether its file was deleted as well.

        Only a file below the roots that is still the one that was described is deleted. Raises ``ImageNotFound``.
        """
        known = self._descriptions.get(id)
        self._archive.delete(id)
        return delete_file and known.file is not None and self._deleted(known.file)

    def _deleted(self, file: ImageFile) -> bool:
        with suppress(NotFound, OSError), self._roots.open(file.path) as (found, _):
            if (found.size_bytes, found.modified_ns) == (file.size_bytes, file.modified_ns):
                os.unlink(found.path)
                return True
        return False


def path_of(known: DescribedImage) -> str:
    """The path of its file; a picture that came without one is known by its name alone."""
    return known.file.path if known.file else known.image.filename
