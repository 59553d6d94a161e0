"""Getting a model's weights from the hub: resumed after an interruption, checked, and there only when complete."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imagequarry.domain.card import ModelCard
from imagequarry.errors import Conflict, InvalidInput, RemoteFailure, StorageFailure
from imagequarry.models import manifest
from imagequarry.models.hub import Body, Digests, Hub, HubFile, Interrupted, Repository
from imagequarry.models.manifest import FileRecord, Manifest

Tell = Callable[[str, int, int], None]
"""Told of a file's name, how many of its bytes are here and how many it has."""

_MB = 2**20
# So often a file is asked for again without a byte of progress.
_ATTEMPTS = 4


def part_of(root: Path, name: str) -> Path:
    """Where a model's files wait until they are complete: beside its folder, so that one renaming moves them in."""
    return root / f".{name}.part"


def old_of(root: Path, name: str) -> Path:
    """Where a model's former files are for the moment in which new ones take their place."""
    return root / f".{name}.old"


class _Damaged(RemoteFailure):
    """What arrived is not what the hub states."""


class Puller:
    """Brings models from a hub into the folder of weights; ``pause`` is the first of ever longer waits, in seconds."""

    def __init__(self, root: Path, hub: Hub, pause: float = 1.0) -> None:
        self._root = root
        self._hub = hub
        self._pause = pause

    def pull(self, card: ModelCard, tell: Tell) -> bool:
        """Get the model's files; False when they were here already.

        What had arrived before an interruption is not loaded again. Raises ``InvalidInput`` for a model without
        weights, ``ModelUnavailable`` where the hub does not hand them out, ``RemoteFailure`` where it breaks off or
        sends something else than it states, ``Conflict`` while another process pulls, ``StorageFailure``.
        """
        if not card.hub:
            raise InvalidInput(f"{card.name!r} needs no weights; there is nothing to pull.")
        repository = self._hub.repository(card.hub)
        try:
            with locked(part_of(self._root, card.folder)) as part:
                if _adopted(self._root / card.folder, card, repository):
                    shutil.rmtree(part)
                    return False
                records = self._complete(part, repository, tell)
                manifest.write(part, Manifest(card.folder, repository.name, repository.revision, records))
                _move_in(part, self._root / card.folder)
        except OSError as error:
            raise StorageFailure(
                f"The weights of {card.name!r} could not be written ({error.strerror}). What arrived so far is kept "
                f"for the next try; to free the disk: imagequarry models rm {card.name}"
            ) from error
        return True

    def _complete(self, part: Path, repository: Repository, tell: Tell) -> tuple[FileRecord, ...]:
        wanted = {file.name for file in repository.files}
        for stray in part.rglob("*"):
            if not stray.is_dir() and stray.relative_to(part).as_posix() not in wanted:
                stray.unlink()
        for name in wanted:
            (part / name).parent.mkdir(exist_ok=True)
        _require_room(part, repository)
        return tuple(self._fetch(part / file.name, repository, file, tell) for file in repository.files)

    def _fetch(self, path: Path, repository: Repository, file: HubFile, tell: Tell) -> FileRecord:
        """One file, whole and checked; with patience for a connection that breaks off."""
        failures = 0
        resumed = path.exists()
        while True:
            before = _size(path)
            try:
                return self._fetch_rest(path, repository, file, tell)
            except _Damaged:
                # Perhaps an earlier try left a wrong beginning: once more, from none.
                if not resumed:
                    raise
                resumed = False
            except Interrupted:
                failures = 1 if _size(path) > before else failures + 1
                if failures == _ATTEMPTS:
                    raise
                time.sleep(self._pause * failures)

    def _fetch_rest(self, path: Path, repository: Repository, file: HubFile, tell: Tell) -> FileRecord:
        digests = file.digests()
        here = _hashed(path, file, digests)
        tell(file.name, here, file.size)
        if here < file.size or not path.exists():
            with self._hub.open(repository, file, here) as body:
                if body.start != here:
                    digests, here = file.digests(), 0
                _append(path, file, digests, here, body, tell)
        if not digests.agree():
            path.unlink()
            raise _Damaged(
                f"What arrived as {file.name} is not what the hub states (its digest differs); it was not kept."
            )
        return FileRecord(file.name, file.size, digests.sha256, path.stat().st_mtime_ns)


def _append(path: Path, file: HubFile, digests: Digests, here: int, body: Body, tell: Tell) -> None:
    with path.open("r+b" if path.exists() else "wb") as out:
        out.truncate(here)
        out.seek(here)
        for chunk in body.chunks:
            here += len(chunk)
            if here > file.size:
                break
            out.write(chunk)
            digests.update(chunk)
            tell(file.name, here, file.size)
        out.flush()
        os.fsync(out.fileno())
    if here > file.size:
        path.unlink()
        raise RemoteFailure(f"The hub sent more of {file.name} than the {file.size} bytes it states; it was not kept.")
    if here < file.size:
        raise Interrupted(f"The connection to the hub broke off in the middle of {file.name}.")


def _hashed(path: Path, file: HubFile, digests: Digests) -> int:
    """How many bytes an earlier try left, all of them hashed; what is too long is no beginning of the file."""
    if _size(path) > file.size:
        path.unlink()
    if not path.exists():
        return 0
    with path.open("rb") as begun:
        while chunk := begun.read(_MB):
            digests.update(chunk)
        return begun.tell()


def _adopted(folder: Path, card: ModelCard, repository: Repository) -> bool:
    """Whether the folder holds this revision whole; files that somebody copied there are checked and recorded."""
    known = manifest.read(folder)
    trusted = {file.name: file for file in known.files if file.is_untouched(folder)} if known else {}
    records = []
    for file in repository.files:
        record = trusted.get(file.name)
        if record is None or record.sha256 != file.sha256:
            record = _checked(folder / file.name, file)
        if record is None:
            return False
        records.append(record)
    found = Manifest(card.folder, repository.name, repository.revision, tuple(records))
    if found != known:
        manifest.write(folder, found)
    return True


def _checked(path: Path, file: HubFile) -> FileRecord | None:
    """The record of a file that is what the hub states, else None."""
    digests = file.digests()
    if not path.is_file() or _size(path) != file.size or _hashed(path, file, digests) != file.size:
        return None
    stat = path.stat()
    return FileRecord(file.name, stat.st_size, digests.sha256, stat.st_mtime_ns) if digests.agree() else None


def _require_room(part: Path, repository: Repository) -> None:
    missing = sum(max(file.size - _size(part / file.name), 0) for file in repository.files)
    free = shutil.disk_usage(part).free
    if missing > free:
        raise StorageFailure(
            f"There is not enough room on the disk: {missing // _MB} MB are needed, {free // _MB} MB are free."
        )


def _move_in(part: Path, folder: Path) -> None:
    """Put the complete folder in its place; what was there before goes."""
    old = old_of(folder.parent, folder.name)
    shutil.rmtree(old, ignore_errors=True)
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(part: Path) -> Iterator[Path]:
    """The folder, for this process alone; the lock goes with the process, however that ends. Raises ``Conflict``."""
    part.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield part
        return
    import fcntl

    handle = os.open(part, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("Another process is loading the weights of this model.") from error
        yield part
    finally:
        os.close(handle)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
