"""Files on the server that callers may name: below a few folders, whatever a path says or becomes meanwhile."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

from imagequarry.domain.described import ImageFile
from imagequarry.errors import NotFound

_LONGEST_PATH = 4096
# What the kernel shows as files is none, even where somebody made all of the disk a root.
_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")
_SURROGATE = re.compile("[\ud800-\udfff]")

# Linux can hold a folder without being allowed to list it; elsewhere it must be readable.
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without blocking, since a FIFO that took a file's place would keep us waiting for its other end.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Roots:
    """The folders that paths may lead into.

    Relative paths start at ``home`` and at each root, in this order. Links are followed as long as they stay below
    the roots. All else (``..``, devices, FIFOs, other places) is the same ``NotFound``, whether it exists or not.

    A path is resolved first, then walked from its root folder by folder without following any link: what is put in
    the place of a file or folder in between cannot lead out.
    """

    def __init__(self, folders: Sequence[Path], home: Path | None = None) -> None:
        self._folders = tuple(dict.fromkeys(os.path.abspath(folder) for folder in folders))
        self._starts = self._folders if home is None else (os.path.abspath(home), *self._folders)

    @contextmanager
    def open(self, path: str) -> Iterator[tuple[ImageFile, BinaryIO]]:
        """The file by its real path, and a stream of its bytes. Raises ``NotFound`` with the path as it was sent."""
        for place in self._places(path):
            try:
                descriptor = _opened_file(*place)
            except OSError:
                continue
            with os.fdopen(descriptor, "rb") as stream:
                state = os.fstat(descriptor)
                yield ImageFile(os.path.join(*place), state.st_size, state.st_mtime_ns), stream
            return
        raise NotFound(f"Image file not found: {shown(path)}")

    def folder(self, path: str) -> str:
        """The folder's real path. Raises ``NotFound`` with the path as it was sent."""
        with self.open_folder(path) as (real, _):
            return real

    @contextmanager
    def open_folder(self, path: str) -> Iterator[tuple[str, int]]:
        """The folder's real path and a descriptor to list it by. Raises ``NotFound`` with the path as it was sent."""
        for root, inside in self._places(path):
            try:
                descriptor = _opened_folder(root, inside.split(os.sep) if inside else [], _LIST)
            except OSError:
                continue
            try:
                yield os.path.join(root, inside) if inside else root, descriptor
            finally:
                os.close(descriptor)
            return
        raise NotFound(f"Directory not found: {shown(path)}")

    def _places(self, path: str) -> Iterator[tuple[str, str]]:
        """Where the path may lead: a root and the way from there, both without links."""
        if not path or len(path) > _LONGEST_PATH or "\0" in path or ".." in PurePath(path).parts:
            return
        roots = [os.path.realpath(folder) for folder in self._folders]
        for start in ("",) if os.path.isabs(path) else self._starts:
            named = os.path.normpath(os.path.join(start, path))
            # By its name too: a link elsewhere that leads in here would tell that it is there.
            if not any(_is_below(named, root) for root in (*self._folders, *roots)):
                continue
            try:
                real = os.path.realpath(named, strict=True)
            except (OSError, ValueError):
                continue
            root = next((root for root in roots if _is_below(real, root)), None)
            if root is not None and not _is_kernels(real, root) and is_text(real):
                yield root, real[len(root) :].strip(os.sep)


def is_text(path: str) -> bool:
    """Whether the bytes of the path are UTF-8: others cannot be stored or sent."""
    return _SURROGATE.search(path) is None


def shown(path: str) -> str:
    """The path for people and replies, with a replacement character for each byte or surrogate that is no text."""
    return _SURROGATE.sub("\ufffd", path)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_kernels(path: str, root: str) -> bool:
    return any(_is_below(path, folder) and not _is_below(root, folder) for folder in _KERNEL_FOLDERS)


def _opened_folder(root: str, names: Sequence[str], last: int) -> int:
    """A descriptor of the folder that the names lead to, opened in the way ``last``; raises OSError."""
    descriptor = os.open(root, last if not names else _PASS)
    for step, name in enumerate(names, 1):
        try:
            following = os.open(name, last if step == len(names) else _PASS, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def _opened_file(root: str, inside: str) -> int:
    """A descriptor of the regular file; raises OSError for anything else."""
    *names, name = inside.split(os.sep)
    folder = _opened_folder(root, names, _PASS)
    try:
        # Looked at before it is opened, because opening a device may already do something.
        _require_file(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        descriptor = os.open(name, _READ, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        _require_file(os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError("no regular file")
