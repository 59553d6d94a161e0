"""The manifest in a folder of weights: what was checked there, so that it need not be hashed again at every load."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

MANIFEST = "manifest.json"

# A file lies in the folder itself or in a part's folder, as "1_Pooling/config.json": nothing else has a separator, and
# nothing a leading dot.
FileName = Annotated[str, Field(pattern=r"^([0-9]_[A-Za-z]{1,40}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,200}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when it was checked: size in bytes, and time of its last change in nanoseconds."""

    name: FileName
    size: Size
    sha256: Sha256
    mtime_ns: int

    def is_there(self, folder: Path) -> bool:
        """Whether there is a file of that name and size."""
        stat = _stat(folder / self.name)
        return stat is not None and stat.st_size == self.size

    def is_untouched(self, folder: Path) -> bool:
        """Whether the file has not been written to since it was checked."""
        stat = _stat(folder / self.name)
        return stat is not None and (stat.st_size, stat.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model's folder holds: the repository and revision it came from, and each of its files."""

    model: str
    repository: str
    revision: str
    files: tuple[FileRecord, ...]

    def is_complete(self, folder: Path) -> bool:
        """Whether every file is there in its size."""
        return bool(self.files) and all(file.is_there(folder) for file in self.files)


_FORM = TypeAdapter(Manifest)


def read(folder: Path) -> Manifest | None:
    """The folder's manifest, None where there is none that can be read."""
    try:
        return _FORM.validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def write(folder: Path, manifest: Manifest) -> None:
    """Write the folder's manifest, whole or not at all. Raises ``OSError``."""
    draft = folder / f".{MANIFEST}"
    try:
        with draft.open("wb") as file:
            file.write(_FORM.dump_json(manifest, indent=2))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / MANIFEST)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def recorded(path: Path) -> FileRecord:
    """The file as it is now, hashed. Raises ``OSError``."""
    with path.open("rb") as file:
        # The times of the opened file, before it is read: a later change then shows.
        stat = os.fstat(file.fileno())
        return FileRecord(path.name, stat.st_size, hashlib.file_digest(file, "sha256").hexdigest(), stat.st_mtime_ns)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
