"""Files below folders of ours: names from callers checked, and nobody ever sees half of a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from imagequarry.errors import Conflict, InvalidPath, StorageFailure

_LONGEST_LABEL = 255
_LONGEST_ENDING = 16


def folder_below(root: Path, name: str, root_name: str, field: str) -> Path:
    """The folder below ``root`` that a caller means by ``name``, sent as ``field``; nothing is created.

    ``root_name`` is what documents call the root: as the first part of a name it is the root itself, and so is an
    empty name. InvalidPath for absolute paths, drive letters, backslashes, ``..``, names that begin or end with a dot
    or a space, control characters, overlong names, and symbolic links that lead out.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or len(name) > 1024 or not all(map(is_plain, parts)):
        raise InvalidPath(f"{field} must be a plain relative folder name such as ./{root_name}/cats.")
    home = root.resolve()
    folder = home.joinpath(*parts[1:] if parts[:1] == [root_name] else parts)
    try:
        resolved = folder.resolve()
    except (OSError, RuntimeError) as error:
        raise InvalidPath(f"{field} cannot be followed.") from error
    if not resolved.is_relative_to(home):
        raise InvalidPath(f"{field} leads out of the {root_name} folder.")
    return resolved


def is_plain(name: str) -> bool:
    """Whether a file or folder name means the same on every system and leads nowhere else."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 0 < length <= 255 and name.strip(" .") == name and name.isprintable() and not set(name) & set('/:\\*?"<>|')


def write_atomically(target: Path, data: bytes, *, replace: bool = True, durable: bool = False) -> None:
    """Write beside the target, then rename; the folder is made if need be.

    Without ``replace`` a target that is there stays as it is: ``Conflict``. ``durable``: on the disk when this returns,
    so that what is then said of the file holds after a power cut. Raises ``StorageFailure``.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            # mkstemp's files are for their owner alone; a result is for whoever may read the folder.
            os.chmod(name, 0o644)
            if replace:
                os.replace(name, target)
            else:
                # A link, unlike a rename, never takes the place of what is there.
                os.link(name, target)
                os.unlink(name)
        except BaseException:
            os.unlink(name)
            raise
    except FileExistsError as error:
        raise Conflict(f"There is a file {target.name!r} already.") from error
    except OSError as error:
        raise StorageFailure(f"{target.name!r} could not be written: {error.strerror}.") from error


def label_of(name: str) -> str:
    """A caller's name for a file as a label for people: nothing to be opened by.

    The last part of a path, without what cannot be printed, of 255 characters at most; its ending stays.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    label = "".join(c for c in last if c.isprintable()).strip()
    if not label.strip(" ."):
        return "picture"
    stem, dot, ending = label.rpartition(".")
    if len(label) > _LONGEST_LABEL and 0 < len(ending) <= _LONGEST_ENDING:
        return stem[: _LONGEST_LABEL - len(dot + ending)] + dot + ending
    return label[:_LONGEST_LABEL]
