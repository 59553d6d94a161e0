"""Walking through a folder: the picture files in it in a fixed order, with one folder in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator

from imagequarry.capabilities.directories.outcome import FailedFile
from imagequarry.capabilities.roots import Roots, is_text, shown
from imagequarry.domain.described import ImageFile
from imagequarry.errors import NotFound

# What a file is, its content decides; its name only whether it is worth opening.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def scan(roots: Roots, path: str, recursive: bool) -> Iterator[ImageFile | FailedFile]:
    """The pictures in a folder below the roots, and what could not be read; nothing is opened but folders.

    Files come before the folders beside them, both in the order of their names. Hidden ones are passed over, and links
    that lead out or nowhere; other links are followed, each folder once. Raises ``NotFound`` for the folder itself.
    """
    with roots.open_folder(path) as (real, _):
        pass
    yield from _walk(roots, real, recursive, set())


def _walk(roots: Roots, start: str, recursive: bool, seen: set[tuple[int, int]]) -> Iterator[ImageFile | FailedFile]:
    # Not recursively: folders may lie deeper in each other than functions may.
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        try:
            files, folders = _listed(roots, folder, recursive, seen)
        except (NotFound, OSError):
            yield FailedFile(shown(folder), "The directory could not be read.")
            continue
        yield from files
        waiting.extend(reversed(folders))


def _listed(
    roots: Roots, path: str, recursive: bool, seen: set[tuple[int, int]]
) -> tuple[list[ImageFile | FailedFile], list[str]]:
    """What a folder holds: files, and paths of folders, by name. Raises NotFound and OSError."""
    files: list[ImageFile | FailedFile] = []
    folders: list[str] = []
    with roots.open_folder(path) as (real, descriptor):
        state = os.fstat(descriptor)
        if (state.st_dev, state.st_ino) in seen:
            return [], []
        seen.add((state.st_dev, state.st_ino))
        with os.scandir(descriptor) as entries:
            found = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
        for entry in found:
            place = os.path.join(real, entry.name)
            if entry.is_symlink():
                _follow(roots, place, files, folders)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(place)
            elif entry.is_file(follow_symlinks=False) and _is_named_as_picture(entry.name):
                files.append(_file(entry, place))
    return files, folders if recursive else []


def _file(entry: os.DirEntry[str], place: str) -> ImageFile | FailedFile:
    if not is_text(place):
        return FailedFile(shown(place), "The file's name is no valid text (UTF-8).")
    try:
        state = entry.stat(follow_symlinks=False)
    except OSError:
        return FailedFile(place, "The file is gone.")
    return ImageFile(place, state.st_size, state.st_mtime_ns)


def _follow(roots: Roots, place: str, files: list[ImageFile | FailedFile], folders: list[str]) -> None:
    try:
        with roots.open_folder(place) as (real, _):
            folders.append(real)
    except NotFound:
        if _is_named_as_picture(place):
            try:
                with roots.open(place) as (file, _):
                    files.append(file)
            except NotFound:
                return


def _is_named_as_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)
