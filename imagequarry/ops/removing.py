"""Things that may go: each tells what would be removed and removes it, so that a rehearsal cannot differ."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from imagequarry.domain.job import Job
from imagequarry.domain.records import StoredImage
from imagequarry.errors import Conflict, JobNotFound
from imagequarry.jobs.board import Board
from imagequarry.ops.folders import Footprint, footprint
from imagequarry.stores.library import Library

# What writers of ours leave when they are killed: files on their way to a name, objects on theirs, what was put aside.
# As precise as their names are, for others may keep hidden files in the same folders.
_UNFINISHED = re.compile(r"\.[a-z0-9_]{8}\.part|\.objects-[a-z0-9_]{8}|\.gone-[0-9a-f-]{36}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tally:
    """What was removed, and a sentence for each thing that could not be."""

    files: int = 0
    folders: int = 0
    bytes: int = 0
    errors: tuple[str, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.files + other.files,
            self.folders + other.folders,
            self.bytes + other.bytes,
            self.errors + other.errors,
        )


class Removal(Protocol):
    """Something that may go."""

    def rehearsed(self) -> Tally:
        """What ``done`` would remove."""
        ...

    def done(self) -> Tally:
        """Remove it. What is in use again by now stays."""
        ...


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The folder of a job that ended, and the files it has elsewhere; with ``before`` only if it ended before that.

    While they are taken away the job cannot start again: a later start finds none of them, never half of them.
    """

    job: Job
    path: Path
    files: Callable[[Job], Iterable[Path]]
    board: Board
    before: datetime | None = None

    def rehearsed(self) -> Tally:
        held = footprint(self.path) if is_folder(self.path) else Footprint()
        for file in self.files(self.job):
            held += footprint(file)
        return _tally(held)

    def done(self) -> Tally:
        taken: list[Path] = []
        tally = Tally()

        def take(job: Job) -> Tally:
            if self.before is not None and (job.finished is None or job.finished >= self.before):
                return Tally()
            if is_folder(self.path):
                taken.append(_aside(self.path))
            gone = Tally()
            for file in self.files(job):
                gone += _unlinked(file)
            return gone

        try:
            tally = self.board.at_rest(self.job.id, take)
        except (Conflict, JobNotFound):
            return Tally()
        except OSError as error:
            return Tally(errors=(_sentence(self.path, error),))
        for folder in taken:
            tally += _emptied(folder)
        return tally


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder that nobody will ask for: cut off in the middle, or of a job that is known no more."""

    path: Path

    def rehearsed(self) -> Tally:
        return _tally(footprint(self.path))

    def done(self) -> Tally:
        if not is_folder(self.path):
            return _unlinked(self.path)
        try:
            return _emptied(_aside(self.path))
        except FileNotFoundError:
            return Tally()
        except OSError as error:
            return Tally(errors=(_sentence(self.path, error),))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came in to be made a model of and that nothing uses; ``alone``: its file goes with it."""

    image: StoredImage
    alone: bool
    library: Library
    before: datetime

    def rehearsed(self) -> Tally:
        return Tally(files=1, bytes=self.image.size_bytes) if self.alone else Tally()

    def done(self) -> Tally:
        if self.library.delete_unused(self.image.id, self.before):
            return Tally(files=1, bytes=self.image.size_bytes)
        return Tally()


def is_unfinished(name: str) -> bool:
    """Whether a file or folder of that name is on its way to another, or should be gone."""
    return _UNFINISHED.fullmatch(name) is not None


def is_folder(path: Path) -> bool:
    """Whether it is a folder itself, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def _aside(folder: Path) -> Path:
    """Take the folder's name away, which is one step however much is in it."""
    gone = folder.with_name(f".gone-{uuid.uuid4()}")
    os.rename(folder, gone)
    return gone


def _emptied(folder: Path) -> Tally:
    held = footprint(folder)
    # Walks by descriptors and follows no link, whatever is put in the place of a folder meanwhile.
    shutil.rmtree(folder, ignore_errors=True)
    left = footprint(folder)
    errors = (f"{left.files + left.folders} files and folders of a job could not be removed.",) if left.folders else ()
    return Tally(held.files - left.files, held.folders - left.folders, held.bytes - left.bytes, errors)


def _unlinked(file: Path) -> Tally:
    held = footprint(file)
    try:
        file.unlink()
    except FileNotFoundError:
        return Tally()
    except OSError as error:
        return Tally(errors=(_sentence(file, error),))
    return _tally(held)


def _tally(held: Footprint) -> Tally:
    return Tally(held.files, held.folders, held.bytes)


def _sentence(path: Path, error: OSError) -> str:
    """What could not be removed, by its last name only: where the server keeps its files is its own business."""
    return f"{path.name} could not be removed: {error.strerror or type(error).__name__}."
