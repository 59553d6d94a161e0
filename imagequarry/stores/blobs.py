"""Files named by their content: the same bytes are kept once, and a file that can be seen is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from imagequarry.domain.records import is_digest
from imagequarry.errors import InvalidInput, NotFound, StorageFailure

_CHUNK = 1 << 20
_LEFTOVER_SECONDS = 3600


class Blobs(Protocol):
    """A content-addressed store. A digest is the SHA-256 of the content in hex; any other text is InvalidInput."""

    def put(self, source: bytes | BinaryIO) -> str:
        """Keep the bytes, or what is left to read of the open file, and return the digest. Putting again is free."""
        ...

    def get(self, digest: str) -> bytes:
        """All the bytes. Raises NotFound."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """The content as a file open for reading, seekable, for the caller to close. Raises NotFound."""
        ...

    def exists(self, digest: str) -> bool:
        """Whether that content is kept."""
        ...

    def delete(self, digest: str) -> bool:
        """Remove the content; whether there was any."""
        ...

    def digests(self) -> Iterator[str]:
        """Every digest that is kept, in no particular order, while others may come and go."""
        ...


class FolderBlobs:
    """Blobs in a folder: ``root/ab/cd/abcd…``, written beside them and renamed into place.

    Temporary files that a killed process left behind are removed at the start, once they are an hour old.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / "unfinished"
        with _translated():
            self._unfinished.mkdir(parents=True, exist_ok=True)
            self._sweep_unfinished()

    def put(self, source: bytes | BinaryIO) -> str:
        with _translated():
            if isinstance(source, bytes):
                digest = hashlib.sha256(source).hexdigest()
                if self._path(digest).exists():
                    return digest
                source = BytesIO(source)
            return self._write(source)

    def get(self, digest: str) -> bytes:
        with self.open(digest) as file, _translated():
            return file.read()

    def open(self, digest: str) -> BinaryIO:
        with _translated():
            try:
                return self._path(digest).open("rb")
            except FileNotFoundError as error:
                raise NotFound("There is no stored file with that digest.") from error

    def exists(self, digest: str) -> bool:
        with _translated():
            return self._path(digest).exists()

    def delete(self, digest: str) -> bool:
        with _translated():
            try:
                self._path(digest).unlink()
            except FileNotFoundError:
                return False
            return True

    def digests(self) -> Iterator[str]:
        with _translated():
            for path in self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
                if is_digest(path.name):
                    yield path.name

    def _write(self, source: BinaryIO) -> str:
        hashed = hashlib.sha256()
        handle, name = tempfile.mkstemp(dir=self._unfinished)
        try:
            with open(handle, "wb") as file:
                while chunk := source.read(_CHUNK):
                    hashed.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            digest = hashed.hexdigest()
            path = self._path(digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
        # The names too must outlive a power cut, for a row that refers to them is written next.
        for folder in (path.parent, path.parent.parent, self._root):
            _sync(folder)
        return digest

    def _path(self, digest: str) -> Path:
        if not is_digest(digest):
            raise InvalidInput("A digest is 64 hexadecimal digits.")
        return self._root / digest[:2] / digest[2:4] / digest

    def _sweep_unfinished(self) -> None:
        before = time.time() - _LEFTOVER_SECONDS
        for path in self._unfinished.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps as well
                if path.stat().st_mtime < before:
                    path.unlink()


def _sync(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StorageFailure("There is no space left to store files." if full else None) from error
