"""Pictures that stay where they lie: the rows that say where, and reading such a file without trusting its folder."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from imagequarry.domain.described import ImageFile
from imagequarry.domain.records import StoredImage, is_id
from imagequarry.errors import ImageNotFound, InvalidInput, StorageFailure
from imagequarry.stores import images
from imagequarry.stores.tables import LONGEST_BEGINNING, image_files
from imagequarry.stores.tables import images as images_table

# No symlink is followed, and opening a FIFO does not wait for who writes into it; Windows has neither.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_CHANGED = "The file of that image has changed or is gone since it was described; process it again."


def key(path: str) -> str:
    """What the path is found by: the SHA-256 of its UTF-8, in hexadecimal digits."""
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()


def check(file: ImageFile) -> None:
    """Raise InvalidInput for a file that no row can hold."""
    if not os.path.isabs(file.path):
        raise InvalidInput("The path of an image's file must be absolute.")
    # A name that is not UTF-8 reaches Python with lone surrogates in it.
    if "\0" in file.path or any("\ud800" <= letter <= "\udfff" for letter in file.path):
        raise InvalidInput("The path of that file is not valid text.")
    if not (0 <= file.size_bytes < 2**63 and -(2**63) <= file.modified_ns < 2**63):
        raise InvalidInput("The size or the time of that file is out of range.")


def put(connection: Connection, image: StoredImage, file: ImageFile) -> StoredImage:
    """Keep the picture as what lies at that path; the picture as it is kept.

    A path that is known keeps its id, its time and its origin. Where its content changed, all that was found in the
    old one goes. The caller holds the lock of the path.
    """
    query = select(image_files.c.image_id).where(image_files.c.path_key == key(file.path))
    id = connection.execute(query).scalar()
    known = None if id is None else images.locked(connection, id)
    if known is not None and known.digest == image.digest:
        now = {"size_bytes": file.size_bytes, "modified_ns": file.modified_ns}
        connection.execute(image_files.update().where(image_files.c.image_id == known.id), now)
        return known
    if known is not None:
        images.remove(connection, known.id)  # and with it, in every table, what hangs on the old content
        image = replace(image, id=known.id, origin=known.origin, created_at=known.created_at)
    images.insert(connection, image)
    values = {
        "image_id": image.id,
        "path": file.path,
        "path_key": key(file.path),
        "beginning": file.path[:LONGEST_BEGINNING],
        "size_bytes": file.size_bytes,
        "modified_ns": file.modified_ns,
    }
    connection.execute(image_files.insert(), values)
    return image


def located(connection: Connection, id: str) -> tuple[StoredImage, ImageFile | None]:
    """The picture and its file, None for one whose bytes are among the blobs. Raises ImageNotFound."""
    query = select(images_table, image_files).outerjoin(image_files).where(images_table.c.id == id)
    row = connection.execute(query).first() if is_id(id) else None
    if row is None:
        raise ImageNotFound
    return images.image_of(row), file_of(row)


def file_of(row: Row[*tuple[Any, ...]]) -> ImageFile | None:
    """The file in a row that has all columns of ``image_files``, None where they are empty."""
    if row._mapping[image_files.c.image_id] is None:
        return None
    return ImageFile(
        path=row._mapping[image_files.c.path],
        size_bytes=row._mapping[image_files.c.size_bytes],
        modified_ns=row._mapping[image_files.c.modified_ns],
    )


def below(folder: str, recursive: bool = True) -> ColumnElement[bool]:
    """The files in that folder, and in the folders below it.

    Compares texts as they are, since LIKE would give % and _ a meaning, and in SQLite not tell "a" from "A".
    """
    start = folder.rstrip(os.sep) + os.sep
    after = start[:-1] + chr(ord(os.sep) + 1)  # the first text that begins differently
    path, beginning = image_files.c.path, image_files.c.beginning
    inside = and_(
        beginning.between(start[:LONGEST_BEGINNING], after[:LONGEST_BEGINNING]),
        func.substr(path, 1, len(start)) == start,
    )
    return inside if recursive else inside & ~func.substr(path, len(start) + 1).contains(os.sep, autoescape=True)


def read(file: ImageFile, image: StoredImage) -> bytes:
    """The bytes of the picture. Raises StorageFailure when they are not at that path any more."""
    try:
        data = _read_regular(file.path, file.size_bytes + 1)
    except (OSError, ValueError) as error:
        raise StorageFailure(_CHANGED, image_id=image.id) from error
    if hashlib.sha256(data).hexdigest() != image.digest:
        raise StorageFailure(_CHANGED, image_id=image.id)
    return data


def _read_regular(path: str, most: int) -> bytes:
    handle = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("That is no regular file.")
        with open(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)
