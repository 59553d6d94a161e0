"""The folders the server writes into: what lies there, how much it is, and what their disks have left.

A symbolic link counts as itself and is never followed. What vanishes while it is looked at is left out.
"""

from __future__ import annotations

import heapq
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a path holds, itself included: files, folders, bytes, and the time of its newest change (epoch seconds)."""

    files: int = 0
    folders: int = 0
    bytes: int = 0
    newest: float = 0.0

    def __add__(self, other: Footprint) -> Footprint:
        return Footprint(
            self.files + other.files,
            self.folders + other.folders,
            self.bytes + other.bytes,
            max(self.newest, other.newest),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """A file, or a folder with all that is in it; ``name`` is its path in the listing."""

    name: str
    is_folder: bool
    holds: Footprint

    @property
    def modified(self) -> datetime:
        return datetime.fromtimestamp(self.holds.newest, UTC)


@dataclass(frozen=True, slots=True)
class Listing:
    """Some of the items, the newest first, and what all of them hold together."""

    items: tuple[Item, ...]
    holds: Footprint


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that holds a folder, in bytes."""

    total: int
    used: int
    free: int


def footprint(path: Path) -> Footprint:
    """What lies at the path and below it; nothing where there is nothing."""
    try:
        state = path.lstat()
    except OSError:
        return Footprint()
    if path.is_dir() and not path.is_symlink():
        return _of_folder(str(path), state.st_mtime)
    return Footprint(files=1, bytes=state.st_size, newest=state.st_mtime)


def contents(folder: Path) -> Footprint:
    """What is in the folder, the folder itself left out."""
    holds = Footprint()
    for item in _items(folder, ""):
        holds += item.holds
    return holds


def listing(folders: Sequence[tuple[str, Path]], limit: int) -> Listing:
    """The entries of the folders together, each named with its folder's prefix; ``limit`` of them, the newest."""
    holds = Footprint()

    def counted() -> Iterator[Item]:
        nonlocal holds
        for prefix, folder in folders:
            for item in _items(folder, prefix):
                holds += item.holds
                yield item

    items = heapq.nlargest(limit, counted(), key=lambda item: item.holds.newest)
    return Listing(tuple(items), holds)


def disk(folder: Path) -> Disk:
    """The disk of the folder, or of the nearest one above it that is there."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    usage = shutil.disk_usage(there)
    return Disk(usage.total, usage.used, usage.free)


def _items(folder: Path, prefix: str) -> Iterator[Item]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                # A name of any bytes, as text that JSON can hold.
                name = prefix + os.fsencode(entry.name).decode("utf-8", "replace")
                if entry.is_dir(follow_symlinks=False):
                    yield Item(name, True, _of_folder(entry.path, state.st_mtime))
                else:
                    yield Item(name, False, Footprint(files=1, bytes=state.st_size, newest=state.st_mtime))


def _of_folder(folder: str, modified: float) -> Footprint:
    files, folders, size, newest = 0, 1, 0, modified
    pending = [folder]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    newest = max(newest, state.st_mtime)
                    if entry.is_dir(follow_symlinks=False):
                        folders += 1
                        pending.append(entry.path)
                    else:
                        files += 1
                        size += state.st_size
    return Footprint(files, folders, size, newest)
