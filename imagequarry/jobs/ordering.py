"""Handing segmentation in: the picture is kept first, then the job that works on it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.fractions import FractionPrompts
from imagequarry.capabilities.intake import Opened
from imagequarry.capabilities.segmentation import Segmentation, check
from imagequarry.domain.job import Job
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import ImageNotFound, InvalidPicture
from imagequarry.jobs import segmenting
from imagequarry.jobs.board import Board, Wish
from imagequarry.jobs.segmenting import BatchOrder, BoxOrder, EverythingOrder, ExtractOrder, SingleOrder


class Orders:
    """Takes segmentation in as jobs; a job and the picture it keeps come and go together.

    All methods raise ``Busy`` when too many jobs wait and ``ModelUnavailable`` when the model cannot run here; then
    nothing is kept.
    """

    def __init__(self, board: Board, archive: Archive, segmentation: Segmentation, results: Path) -> None:
        self._board = board
        self._archive = archive
        self._segmentation = segmentation
        self._results = results

    def everything(self, picture: Opened, model: str | None, named: Mapping[str, Any]) -> Job:
        """Segment everything in the picture."""
        return self._single(
            picture, model, segmenting.EVERYTHING.name, lambda id: EverythingOrder(id, model, _chosen(named))
        )

    def box(self, picture: Opened, model: str | None, prompt: Prompt, most: int) -> Job:
        """Segment what the prompt's box holds. Raises ``InvalidPrompt`` for one outside the picture."""
        check(prompt, picture.raster)
        assert prompt.box is not None
        corners = prompt.box.x0, prompt.box.y0, prompt.box.x1, prompt.box.y1
        return self._single(picture, model, segmenting.BOX.name, lambda id: BoxOrder(id, corners, model, most))

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
        return self._single(
            picture,
            model,
            segmenting.EXTRACT.name,
            lambda id: ExtractOrder(id, model, _chosen(named), min_pixels, save_dir, save_to_drive, drive_folder_id),
        )

    def batch(
        self, images: Sequence[str], prompts: Sequence[FractionPrompts], model: str | None, named: Mapping[str, Any]
    ) -> Job:
        """Segment many pictures (base64), each a job of its own; one that is none fails alone."""
        name = self._segmentation.ready(model).name
        kept: list[str] = []
        try:
            wishes = []
            for text, prompt in zip(images, prompts, strict=True):
                image_id, fault = self._kept(text)
                if image_id is not None:
                    kept.append(image_id)
                order = SingleOrder(image_id, fault, model, prompt, _chosen(named))
                wishes.append(Wish(segmenting.SINGLE.name, order, name))
            return self._board.submit(segmenting.BATCH.name, BatchOrder(len(images)), model=name, children=wishes)
        except BaseException:
            self._forget(kept)
            raise

    def delete(self, id: str) -> None:
        """Delete a job, its pictures and all that was found in them. Raises ``JobNotFound``, ``Conflict``."""
        job = self._board.get(id)
        children = self._board.children(job.id, job.children).jobs if job.is_batch else ()
        self._board.delete(job.id)
        self._forget(images_of([job, *children]))

    def _single(self, picture: Opened, model: str | None, kind: str, order: Callable[[str], Any]) -> Job:
        name = self._segmentation.ready(model).name
        image = self._archive.keep(picture, str(uuid.uuid4()), "quarry")
        try:
            return self._board.submit(kind, order(image.id), model=name)
        except BaseException:
            self._forget([image.id])
            raise

    def _kept(self, text: str) -> tuple[str | None, str]:
        """The id of a picture that was kept, or why it could not be."""
        try:
            opened = self._archive.take(text)
        except InvalidPicture as error:
            return None, error.message
        return self._archive.keep(opened, str(uuid.uuid4()), "quarry").id, ""

    def _forget(self, images: Sequence[str]) -> None:
        for image in images:
            with suppress(ImageNotFound):
                self._archive.delete(image)


def images_of(jobs: Sequence[Job]) -> list[str]:
    """The pictures that jobs of these kinds keep."""
    found = (job.params.get("image_id") for job in jobs)
    return [image for image in found if isinstance(image, str)]


def _chosen(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}
