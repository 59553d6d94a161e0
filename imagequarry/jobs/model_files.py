"""The files that jobs made: those of one model, those of all models of a batch, and what lies open in the results.

A path is never put together from what a caller wrote: his words are looked for among the names that are there.
"""

from __future__ import annotations

import mimetypes
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imagequarry.capabilities.files import is_plain
from imagequarry.capabilities.meshes import Meshes
from imagequarry.domain.job import Job
from imagequarry.domain.mesh import FORMATS
from imagequarry.errors import InvalidInput, NotFound
from imagequarry.jobs import modelling
from imagequarry.jobs.board import Board

# What a model's files are called before their ending, in the folder of their job.
_MODEL, _PREVIEW = "model", "preview"
_MEDIA_TYPES: Mapping[str, str] = {
    **{f".{format}": media_type for format, media_type in FORMATS.items()},
    ".zip": "application/zip",
    ".webp": "image/webp",
}
_UNFIT_FOR_NAMES = str.maketrans(dict.fromkeys('/:\\*?"<>|', "_"))
_LONGEST_STEM = 80
_MOST_CHILDREN = 1000


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A regular file below the results: ``name`` is what callers know it by, ``modified`` in seconds since 1970.

    ``preview`` is the name of a picture of it where it is a model that has one.
    """

    name: str
    path: Path
    size_bytes: int
    modified: float
    preview: str | None = None

    @property
    def media_type(self) -> str:
        known = _MEDIA_TYPES.get(self.path.suffix.lower()) or mimetypes.guess_type(self.path.name)[0]
        return known or "application/octet-stream"


class ModelFiles:
    """Finds files. Every method raises ``JobNotFound`` for an unknown job, and ``NotFound``."""

    def __init__(self, board: Board, meshes: Meshes, results: Path) -> None:
        self._board = board
        self._meshes = meshes
        self._results = results

    def models(self, id: str) -> list[ResultFile]:
        """The models that a job made, or the jobs of a batch, in every format they were asked for so far."""
        return [file for file in self._all(id) if _is_called(file.path, _MODEL)]

    def one(self, id: str, name: str) -> ResultFile:
        """A file of a job or of its batch, by its name in the list, or the preview of one."""
        for file in self._all(id):
            if file.name == name:
                return file
        raise NotFound("The job has no file of that name.")

    def maker(self, id: str) -> Job:
        """The job that makes the model that is meant by the id of a job, or of a batch of one.

        Raises InvalidInput with the ``job_ids`` for a batch of several.
        """
        makers = self._makers(id)
        if not makers:
            raise NotFound("That job makes no model.")
        if len(makers) > 1:
            ids = [job.id for job, _ in makers]
            raise InvalidInput("That batch has several models; ask for one of them by its own id.", job_ids=ids)
        return makers[0][0]

    def model(self, maker: Job, format: str) -> ResultFile:
        """The model of a job in a format; it is called after the picture that it was made of.

        Raises InvalidInput for an unknown format.
        """
        path = self._meshes.converted(modelling.folder_of(self._results, maker.id), format)
        file = _regular(path)
        if file is None:
            raise NotFound("The model was deleted in this moment.")
        return _named(file, _plain_stem(maker))

    def open_result(self, name: str) -> ResultFile:
        """A file that lies in the folder of results itself, as cut-out objects do."""
        file = _regular(self._results / name) if is_plain(name) else None
        if file is None:
            raise NotFound("There is no file of that name in the results.")
        return file

    def _all(self, id: str) -> Iterator[ResultFile]:
        for job, label in self._makers(id):
            if job.state == "completed":
                yield from _files_in(modelling.folder_of(self._results, job.id), label)

    def _makers(self, id: str) -> list[tuple[Job, str]]:
        """The jobs that make the models, and for those of a larger batch what tells their files apart."""
        job = self._board.get(id)
        if job.kind == modelling.MODEL.name:
            return [(job, "")]
        if job.kind != modelling.MODELS.name:
            return []
        children = self._board.children(job.id, _MOST_CHILDREN).jobs
        if len(children) == 1:
            return [(children[0], "")]
        return list(zip(children, _labels(map(_plain_stem, children)), strict=True))


def _files_in(folder: Path, label: str) -> Iterator[ResultFile]:
    """The models in the folder, the GLB first, and their preview."""
    if folder.is_symlink() or not folder.is_dir():
        return
    found = [file for path in sorted(folder.iterdir()) if (file := _regular(path)) is not None]
    previews = [_named(file, label) for file in found if _is_called(file.path, _PREVIEW)]
    preview = previews[0].name if previews else None
    models = [file for file in found if _is_called(file.path, _MODEL)]
    for file in sorted(models, key=lambda file: file.path.suffix != ".glb"):
        yield _named(file, label, preview)
    yield from previews


def _regular(path: Path) -> ResultFile | None:
    """The file, when it is one: no link, no device, no folder."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return ResultFile(path.name, path, status.st_size, status.st_mtime)


def _named(file: ResultFile, label: str, preview: str | None = None) -> ResultFile:
    """The file under the name that callers know: that of its picture in the place of "model", or before the rest."""
    name = file.path.name
    if label:
        name = label + (name.removeprefix(_MODEL) if _is_called(file.path, _MODEL) else f"-{name}")
    return ResultFile(name, file.path, file.size_bytes, file.modified, preview)


def _is_called(path: Path, what: str) -> bool:
    return path.name.partition(".")[0] == what


def _plain_stem(job: Job) -> str:
    """The name of the job's picture without its ending, fit for a file on every system."""
    filename = str(job.params.get("filename", ""))
    stem = (filename.rpartition(".")[0] or filename).translate(_UNFIT_FOR_NAMES)[:_LONGEST_STEM].strip(" .")
    return stem if is_plain(stem) else _MODEL


def _labels(stems: Iterable[str]) -> list[str]:
    """The stems, those that come again numbered; systems differ in whether A is a."""
    labels: list[str] = []
    used: set[str] = set()
    for stem in stems:
        label, number = stem, 1
        while label.casefold() in used:
            number += 1
            label = f"{stem}-{number}"
        used.add(label.casefold())
        labels.append(label)
    return labels
