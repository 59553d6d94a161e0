"""Removes files that nobody needs any more, and remembers when it last did.

What may go, and what never does, is told in docs/surfaces/image2model.md.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from imagequarry.capabilities.files import write_atomically
from imagequarry.domain.job import Job, plain_id
from imagequarry.domain.records import StoredImage, utc_now
from imagequarry.errors import Conflict, ImageNotFound, JobNotFound, StorageFailure
from imagequarry.jobs.board import Board
from imagequarry.jobs.kinds import Kinds, Tools
from imagequarry.ops.folders import footprint
from imagequarry.ops.removing import JobFiles, Leftover, Picture, Removal, Tally, is_folder, is_unfinished
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.unused_images import UnusedImages

_log = structlog.stdlib.get_logger(__name__)

# What is on its way to its name may be so for that long, however young the files are that a caller calls old.
_UNFINISHED_SECONDS = 3600.0
_JOBS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class LastCleanup:
    """When files were last removed by age, and how much that was."""

    at: datetime
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PictureStores:
    """Where pictures are kept, and what tells which of them are unused."""

    library: Library
    images: Images
    unused: UnusedImages


class Cleanup:
    """Any number of processes may clean up at once, beside jobs that run.

    ``writable`` are the folders that writers may leave unfinished files in; ``record`` is the file that remembers.
    """

    def __init__(
        self,
        board: Board,
        kinds: Kinds[Tools],
        tools: Tools,
        pictures: PictureStores,
        writable: Sequence[Path],
        record: Path,
    ) -> None:
        self._board = board
        self._kinds = kinds
        self._tools = tools
        self._pictures = pictures
        self._writable = tuple(dict.fromkeys((tools.results, *writable)))
        self._record = record

    def old(self, hours: float, *, dry_run: bool = False) -> Tally:
        """Remove what jobs kept that ended so long ago, and leftovers of that age; a dry run only counts it."""
        before = utc_now() - timedelta(hours=hours)
        tally = Tally()
        for removal in self._old(before):
            tally += removal.rehearsed() if dry_run else removal.done()
        if not dry_run:
            self._remember(tally)
            if tally != Tally():
                _log.info("old files were removed", hours=hours, files=tally.files, bytes=tally.bytes)
            for sentence in tally.errors:
                _log.warning("an old file stays", reason=sentence)
        return tally

    def of_job(self, id: str) -> Tally:
        """Remove the files of a job and of its children, and pictures that only they needed; the records stay.

        Raises ``JobNotFound``, ``Conflict`` for a job that has not ended.
        """
        family = self._at_rest(id)
        tally = Tally()
        for job in family:
            tally += self._files(job).done()
        for picture in self._unused(utc_now(), [job.id for job in family]):
            tally += picture.done()
        return tally

    def whole_job(self, id: str) -> Tally:
        """Remove all that a job and its children keep, pictures and masks included, and then what is known of it.

        The record of a job of a batch stays with its batch. Raises as ``of_job`` does.
        """
        family = self._at_rest(id)
        tally = Tally()
        for job in family:
            tally += self._files(job).done()
        kept = self._images_of(family)
        if family[0].parent_id is None:
            self._board.delete(family[0].id)
        else:
            self._kinds.forget(family[0], self._tools)
        return tally + self._gone(kept)

    def last(self) -> LastCleanup | None:
        """The last removal by age, of whatever process that shares the data; None where there was none yet."""
        try:
            kept = json.loads(self._record.read_text("utf-8"))
            return LastCleanup(datetime.fromisoformat(kept["at"]), int(kept["files"]), int(kept["bytes"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _old(self, before: datetime) -> list[Removal]:
        folders = list(self._folders(before))
        known = {folder.path for folder in folders}
        removals: list[Removal] = [*folders]
        removals += [self._files(job, before) for job in self._with_files(before) if self._folder(job) not in known]
        return [*removals, *self._leftovers(before, known), *self._unused(before)]

    def _folders(self, before: datetime) -> Iterator[JobFiles | Leftover]:
        """Those of jobs that ended long ago, and of jobs that are deleted: a worker that did not listen was late."""
        for folder in _folders_named_by_id(self._tools.results):
            try:
                job = self._board.get(folder.name)
                if self._is_over(job, before):
                    yield self._files(job, before)
            except JobNotFound:
                if footprint(folder).newest < before.timestamp():
                    yield Leftover(folder)

    def _with_files(self, before: datetime) -> Iterator[Job]:
        """Jobs that ended long ago and have files outside their folders."""
        kinds = self._kinds.with_files()
        offset = 0
        while kinds and (page := self._board.page(_JOBS_AT_ONCE, offset, kinds=kinds).jobs):
            offset += len(page)
            for job in page:
                if self._is_over(job, before) and self._kinds.files(job, self._tools):
                    yield job

    def _leftovers(self, before: datetime, known: set[Path]) -> Iterator[Leftover]:
        latest = min(before.timestamp(), time.time() - _UNFINISHED_SECONDS)
        for root in self._writable:
            for folder, folders, files in os.walk(root):
                here = Path(folder)
                for name in [name for name in (*folders, *files) if is_unfinished(name)]:
                    if footprint(here / name).newest < latest:
                        yield Leftover(here / name)
                folders[:] = [name for name in folders if not is_unfinished(name) and here / name not in known]

    def _unused(self, before: datetime, ids: Sequence[str] | None = None) -> list[Picture]:
        unused = self._pictures.unused.find(before, ids)
        left = Counter({one.image.digest: one.sharing for one in unused})
        found = []
        for one in unused:
            left[one.image.digest] -= 1
            found.append(Picture(one.image, left[one.image.digest] == 0, self._pictures.library, before))
        return found

    def _is_over(self, job: Job, before: datetime) -> bool:
        """Whether the job, or the batch it is part of, ended before that."""
        whole = job if job.parent_id is None else self._board.get(job.parent_id)
        return whole.ended and whole.finished is not None and whole.finished < before

    def _files(self, job: Job, before: datetime | None = None) -> JobFiles:
        def elsewhere(job: Job) -> list[Path]:
            return self._kinds.files(job, self._tools)

        return JobFiles(job, self._folder(job), elsewhere, self._board, before)

    def _folder(self, job: Job) -> Path:
        return self._tools.results / job.id

    def _at_rest(self, id: str) -> list[Job]:
        family = list(self._board.family(id))
        for job in family:
            if not job.ended:
                raise Conflict("The job has not ended yet; cancel it first.", job_id=plain_id(id), state=job.state)
        return family

    def _images_of(self, family: Sequence[Job]) -> list[StoredImage]:
        """The pictures that these jobs work on."""
        found = {}
        for job in family:
            for id in (job.id, job.params.get("image_id")):
                with suppress(ImageNotFound):
                    if isinstance(id, str):
                        found[id] = self._pictures.images.get(id)
        return list(found.values())

    def _gone(self, images: Sequence[StoredImage]) -> Tally:
        """How many files of these pictures are kept no more."""
        gone = {image.digest: image.size_bytes for image in images}
        for digest in [digest for digest in gone if self._pictures.images.digest_in_use(digest)]:
            del gone[digest]
        return Tally(files=len(gone), bytes=sum(gone.values()))

    def _remember(self, tally: Tally) -> None:
        kept = {"at": datetime.now(UTC).isoformat(), "files": tally.files, "bytes": tally.bytes}
        try:
            write_atomically(self._record, json.dumps(kept).encode())
        except StorageFailure as error:
            _log.warning("when files were last removed is not remembered", reason=error.message)


def _folders_named_by_id(folder: Path) -> list[Path]:
    """The folders directly in this one whose names are ids of jobs; no links."""
    try:
        return [path for path in folder.iterdir() if _is_job_id(path.name) and is_folder(path)]
    except OSError:
        return []


def _is_job_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
