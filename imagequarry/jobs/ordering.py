"""Handing segmentation in: the picture is kept first, then the job that works on it or has worked on it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.fractions import FractionPrompts
from imagequarry.capabilities.intake import Opened
from imagequarry.capabilities.segmentation import Segmentation, check
from imagequarry.domain import records
from imagequarry.domain.job import Job
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import ImageNotFound, InvalidPicture
from imagequarry.jobs import segmenting
from imagequarry.jobs.board import Board, Wish
from imagequarry.jobs.segmenting import BatchOrder, BoxOrder, EverythingOrder, ExtractOrder, SingleOrder


class Orders:
    """Takes segmentation in as jobs; a job and the picture it keeps come and go together.

    All methods raise ``ModelUnavailable`` when the model cannot run here, and those that hand work in raise ``Busy``
    when too many jobs wait; then nothing is kept.
    """

    def __init__(self, board: Board, archive: Archive, segmentation: Segmentation, results: Path) -> None:
        self._board = board
        self._archive = archive
        self._segmentation = segmentation
        self._results = results

    def single(
        self, picture: Opened, prompts: FractionPrompts, model: str | None, words: str | None = None
    ) -> records.Segmentation:
        """Segment now what the words or the prompts mean, without any everything; it is kept as a job that is done.

        Raises ``InvalidPrompt``, ``ModelFailure``.
        """
        if words:
            answer = self._segmentation.named(picture.raster, words, model)
        else:
            answer = segmenting.prompted_or_all(self._segmentation, picture.raster, prompts, None, model)
        id = str(uuid.uuid4())
        found = self._archive.keep_with_masks(picture, id, "quarry", "single", answer)
        order = SingleOrder(id, model=answer.model, prompts=prompts)
        with self._kept_or_not([id]):
            self._board.record(id, segmenting.SINGLE.name, order, segmenting.told(answer), model=answer.model)
        return found

    def everything(self, picture: Opened, model: str | None, named: Mapping[str, Any]) -> Job:
        """Segment everything in the picture."""
        return self._handed_in(
            picture, model, segmenting.EVERYTHING.name, lambda id, name: EverythingOrder(id, name, _chosen(named))
        )

    def box(self, picture: Opened, model: str | None, prompt: Prompt, most: int) -> Job:
        """Segment what the prompt's box holds. Raises ``InvalidPrompt`` for one outside the picture."""
        check(prompt, picture.raster)
        assert prompt.box is not None
        corners = prompt.box.x0, prompt.box.y0, prompt.box.x1, prompt.box.y1
        return self._handed_in(picture, model, segmenting.BOX.name, lambda id, name: BoxOrder(id, corners, name, most))

    def extract(
        self,
        picture: Opened,
        model: str | None,
        named: Mapping[str, Any],
        min_pixels: int,
        save_dir: str,
        save_to_drive: bool,
        drive_folder_id: str | None,
    ) -> Job:
        """Cut every object out into files. Raises ``InvalidPath`` for a folder that leads out of the results."""
        cutouts.results_folder(self._results, save_dir)
        return self._handed_in(
            picture,
            model,
            segmenting.EXTRACT.name,
            lambda id, name: ExtractOrder(
                id, name, _chosen(named), min_pixels, save_dir, save_to_drive, drive_folder_id
            ),
        )

    def batch(
        self, images: Sequence[str], prompts: Sequence[FractionPrompts], model: str | None, named: Mapping[str, Any]
    ) -> Job:
        """Segment many pictures (base64), each a job of its own; one that is none fails alone."""
        name = self._segmentation.ready(model).name
        kept: list[str] = []
        wishes = []
        with self._kept_or_not(kept):
            for text, prompt in zip(images, prompts, strict=True):
                image_id, fault = self._kept(text)
                if image_id is not None:
                    kept.append(image_id)
                order = SingleOrder(image_id, fault, name, prompt, _chosen(named))
                wishes.append(Wish(segmenting.SINGLE.name, order, name))
            return self._board.submit(segmenting.BATCH.name, BatchOrder(len(images)), model=name, children=wishes)

    def _handed_in(self, picture: Opened, model: str | None, kind: str, order: Callable[[str, str], Any]) -> Job:
        name = self._segmentation.ready(model).name
        image = self._archive.keep(picture, str(uuid.uuid4()), "quarry")
        with self._kept_or_not([image.id]):
            return self._board.submit(kind, order(image.id, name), model=name)

    def _kept(self, text: str) -> tuple[str | None, str]:
        """The id of a picture that was kept, or why it could not be."""
        try:
            opened = self._archive.take(text)
        except InvalidPicture as error:
            return None, error.message
        return self._archive.keep(opened, str(uuid.uuid4()), "quarry").id, ""

    @contextmanager
    def _kept_or_not(self, images: Sequence[str]) -> Iterator[None]:
        """Take the pictures away again when the job could not be handed in."""
        try:
            yield
        except BaseException:
            for image in images:
                with suppress(ImageNotFound):
                    self._archive.delete(image)
            raise


def _chosen(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}
