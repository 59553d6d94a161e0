"""Handing in what models in space are to be made of: the pictures are kept first, then the jobs."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from typing import BinaryIO

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.files import label_of
from imagequarry.capabilities.intake import Limits
from imagequarry.capabilities.meshes import Meshes
from imagequarry.domain.card import Family, ModelCard
from imagequarry.domain.job import Job, JobLimits
from imagequarry.domain.mesh import MeshOptions
from imagequarry.errors import ImageNotFound, InvalidPicture
from imagequarry.jobs import modelling
from imagequarry.jobs.board import Board, Wish
from imagequarry.jobs.modelling import ModelOrder, ModelsOrder

# What a model takes where none was made yet, in seconds.
_USUAL_SECONDS: dict[Family, float] = {"embedded": 10, "huggingface": 30, "remote": 120}
# A service elsewhere is given its own time, and this for sending, fetching and giving up.
_ROUND_IT_SECONDS = 120.0
# A picture of the largest size takes some 400 MB while it is decoded.
_DECODED_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class ModelWish:
    """How models should be made; without a model's name by the best there is."""

    model: str | None = None
    options: MeshOptions = field(default_factory=MeshOptions)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file of an upload: the id of its picture and its job, and why it is of no use, or an empty text."""

    id: str
    filename: str
    size_bytes: int
    media_type: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch that was handed in, and its files in their order."""

    job: Job
    files: tuple[Taken, ...]


class ModelOrders:
    """Takes models in as jobs; a job and its picture come and go together.

    An upload may have ``most_files``, each within ``limits``. Jobs get ``usual`` limits; one that asks a service
    elsewhere may take ``remote_seconds``. What hands in raises what ``Meshes.ready`` does when the model cannot run
    here, and ``Busy`` when too many jobs wait; then nothing is kept.
    """

    def __init__(
        self,
        board: Board,
        archive: Archive,
        meshes: Meshes,
        most_files: int,
        limits: Limits,
        usual: JobLimits,
        remote_seconds: float,
    ) -> None:
        self.most_files = most_files
        self.limits = limits
        self._board = board
        self._archive = archive
        self._meshes = meshes
        self._usual = usual
        self._remote_seconds = remote_seconds
        self._decoding = threading.BoundedSemaphore(_DECODED_AT_ONCE)

    def upload(self, files: Sequence[tuple[str, BinaryIO]], wish: ModelWish) -> Upload:
        """Make a model of each picture, given as a caller's name for it and the open file.

        A file that is no picture fails alone. Raises InvalidPicture, with the ``file``, when all are none.
        """
        card = self._meshes.ready(wish.model)
        taken: list[Taken] = []
        with self._kept_or_not(taken):
            for name, file in files:
                taken.append(self._taken(label_of(name), file))
            if all(file.fault for file in taken):
                raise InvalidPicture(taken[0].fault, file=taken[0].filename)
            job = self._board.submit(
                modelling.MODELS.name,
                ModelsOrder(len(taken)),
                model=card.name,
                children=[Wish(modelling.MODEL.name, _order(file, card, wish), card.name, file.id) for file in taken],
                limits=self._job_limits(card),
            )
        return Upload(job, tuple(taken))

    def generate(self, image_id: str, wish: ModelWish) -> Job:
        """Make a model of a picture that any surface keeps. Raises ``ImageNotFound``."""
        card = self._meshes.ready(wish.model)
        id = str(uuid.uuid4())
        image = self._archive.keep_copy(image_id, id, "image2model")
        order = ModelOrder(id, card.name, image.filename, wish.options)
        try:
            return self._board.submit(
                modelling.MODEL.name, order, model=card.name, limits=self._job_limits(card), id=id
            )
        except BaseException:
            self._drop(id)
            raise

    def seconds_left(self, job: Job) -> float:
        """How long a job will still take once its turn has come, by what the last ones took; 0 for one that ended."""
        if job.ended:
            return 0.0
        # A batch has a kind of its own; what takes time are its children, which are taken to come one by one.
        kind = modelling.MODEL.name if job.kind == modelling.MODELS.name else job.kind
        took = self._board.durations(kind, job.model) if job.model else []
        each = median(took) if took else self._usual_seconds(job.model)
        return each * max(1, job.children) * (1 - job.progress)

    def _usual_seconds(self, model: str | None) -> float:
        families = {one.card.name: one.card.family for one in self._meshes.available()}
        return _USUAL_SECONDS[families.get(model or "", "embedded")]

    def _taken(self, label: str, file: BinaryIO) -> Taken:
        id = str(uuid.uuid4())
        try:
            with self._decoding:
                opened = self._archive.take(file, self.limits)
                image = self._archive.keep(opened, id, "image2model", label)
        except InvalidPicture as error:
            return Taken(id, label, _size(file), "application/octet-stream", error.message)
        return Taken(id, label, image.size_bytes, opened.media_type)

    def _job_limits(self, card: ModelCard) -> JobLimits:
        if card.family != "remote":
            return self._usual
        soft = self._remote_seconds + _ROUND_IT_SECONDS
        return JobLimits(soft, soft + _ROUND_IT_SECONDS / 2, self._usual.max_attempts)

    @contextmanager
    def _kept_or_not(self, taken: Sequence[Taken]) -> Iterator[None]:
        """Take the pictures away again when the jobs could not be handed in."""
        try:
            yield
        except BaseException:
            for file in taken:
                self._drop(file.id)
            raise

    def _drop(self, image_id: str) -> None:
        with suppress(ImageNotFound):
            self._archive.delete(image_id)


def _order(file: Taken, card: ModelCard, wish: ModelWish) -> ModelOrder:
    return ModelOrder(None if file.fault else file.id, card.name, file.filename, wish.options, file.fault)


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
