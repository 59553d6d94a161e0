"""The jobs that segment: everything, a box, cut-out objects, and the pictures of a batch.

What a job finds is kept under the job's own id, so a second try after a crash replaces what the first one left.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.fractions import FractionPrompts
from imagequarry.capabilities.segmentation import Answer, Segmentation
from imagequarry.domain.geometry import Box
from imagequarry.domain.job import Job
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import Operation
from imagequarry.domain.segmenter import Prompt
from imagequarry.domain.watch import Watch
from imagequarry.errors import ImageNotFound, InvalidPicture
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind, Tools

Named = dict[str, int | float | str | None]


@dataclass(frozen=True, slots=True)
class EverythingOrder:
    """Segment everything in a kept picture; ``named`` are the thresholds the caller chose."""

    image_id: str
    model: str | None = None
    named: Named = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoxOrder:
    """Segment what a box (x0, y0, x1, y1 in pixels) holds, at most ``most`` ways."""

    image_id: str
    box: tuple[float, float, float, float]
    model: str | None = None
    most: int = 3


@dataclass(frozen=True, slots=True)
class ExtractOrder:
    """Cut every object of at least ``min_pixels`` out, into files below ``save_dir``."""

    image_id: str
    model: str | None = None
    named: Named = field(default_factory=dict)
    min_pixels: int = 5000
    save_dir: str = "./results"
    save_to_drive: bool = False
    drive_folder_id: str | None = None


@dataclass(frozen=True, slots=True)
class SingleOrder:
    """One picture, of a batch or by itself; without prompts everything in it.

    ``fault`` says why there is no picture.
    """

    image_id: str | None
    fault: str = ""
    model: str | None = None
    prompts: FractionPrompts = field(default_factory=FractionPrompts)
    named: Named = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """A batch is its children; it has nothing to do itself."""

    total: int


def everything(context: Context, order: EverythingOrder, tools: Tools) -> dict[str, Any]:
    """Segment everything."""
    raster = tools.archive.raster_once(order.image_id)
    answer = tools.segmentation.everything(raster, order.named, order.model, context)
    return _kept(context, order.image_id, "everything", answer, tools)


def box(context: Context, order: BoxOrder, tools: Tools) -> dict[str, Any]:
    """Segment what a box holds."""
    raster = tools.archive.raster_once(order.image_id)
    answer = tools.segmentation.prompted(raster, [Prompt(box=Box(*order.box))], order.model, order.most)
    return _kept(context, order.image_id, "box", answer, tools)


def extract(context: Context, order: ExtractOrder, tools: Tools) -> dict[str, Any]:
    """Cut every object out."""
    raster = tools.archive.raster_once(order.image_id)
    files = context.checkpoint
    if files is None or len(_own_files(files, tools.results)) < len(files["saved"]):
        files = _extracted(context, order, raster, tools)
    drive: dict[str, Any] = {"files": [], "warnings": []}
    if order.save_to_drive:
        paths = [tools.results / name for name in files["saved"]]
        sent = tools.drive.send(paths, order.drive_folder_id, context)
        drive = {"files": [[file.file_id, file.web_view] for file in sent.files], "warnings": list(sent.warnings)}
    return {**files, "saved": list(files["saved"]), "drive": drive}


def _extracted(context: Context, order: ExtractOrder, raster: Raster, tools: Tools) -> dict[str, Any]:
    """Write the files, and keep which they are before anything else: a try that follows must not write them again."""
    folder = cutouts.results_folder(tools.results, order.save_dir)
    answer = tools.segmentation.everything(raster, order.named, order.model, context)
    _kept(context, order.image_id, "everything", answer, tools)
    done = cutouts.extract_objects(raster, answer.candidates, order.min_pixels, folder)
    home = tools.results.resolve()
    saved = {file.relative_to(home).as_posix(): file.stat().st_mtime_ns for file in done.saved}
    files = {"saved": saved, "skipped": done.skipped, "model": answer.model}
    try:
        context.progress(0.9, "objects saved", checkpoint=files)
    except BaseException:  # the job ends or starts anew, and nobody would know of them
        _remove(files, tools.results)
        raise
    return files


def single(context: Context, order: SingleOrder, tools: Tools) -> dict[str, Any]:
    """Segment one picture of a batch."""
    if order.image_id is None:
        raise InvalidPicture(order.fault or None)
    raster = tools.archive.raster_once(order.image_id)
    answer = prompted_or_all(tools.segmentation, raster, order.prompts, order.named, order.model, context)
    return _kept(context, order.image_id, "single", answer, tools)


def prompted_or_all(
    segmentation: Segmentation,
    raster: Raster,
    prompts: FractionPrompts,
    named: Mapping[str, int | float | str | None] | None,
    model: str | None,
    watch: Watch | None = None,
) -> Answer:
    """What the prompts mean; without any, everything."""
    placed = prompts.placed(raster.width, raster.height)
    if placed:
        return segmentation.prompted(raster, placed, model)
    return segmentation.everything(raster, named, model, watch)


def told(answer: Answer) -> dict[str, Any]:
    """What a job returns whose masks are in the archive."""
    return {"model": answer.model, "total_masks": len(answer.candidates), "complete": answer.complete}


def forget_picture(_job: Job, order: EverythingOrder | BoxOrder | SingleOrder, tools: Tools) -> None:
    """Remove the job's picture, and with it the masks."""
    if order.image_id is not None:
        with suppress(ImageNotFound):
            tools.archive.delete(order.image_id)


def forget_extraction(job: Job, order: ExtractOrder, tools: Tools) -> None:
    """Remove the job's picture, its masks, and the files that it saved."""
    with suppress(ImageNotFound):
        tools.archive.delete(order.image_id)
    if job.checkpoint is not None:
        _remove(job.checkpoint, tools.results)


def extracted_files(job: Job, _order: ExtractOrder, tools: Tools) -> list[Path]:
    """The files that the job saved, below the folder its caller named."""
    return [] if job.checkpoint is None else _own_files(job.checkpoint, tools.results)


def _remove(files: Mapping[str, Any], results: Path) -> None:
    for file in _own_files(files, results):
        with suppress(OSError):
            file.unlink()


def _own_files(files: Mapping[str, Any], results: Path) -> list[Path]:
    """The files of a checkpoint as far as they are still those that were saved: a name may have a new owner."""
    home = results.resolve()
    own = []
    for name, stamp in files["saved"].items():
        file = home / name
        with suppress(OSError, RuntimeError):
            if file.resolve() == file and file.is_relative_to(home) and file.stat().st_mtime_ns == stamp:
                own.append(file)
    return own


def _kept(context: Context, image_id: str, operation: Operation, answer: Answer, tools: Tools) -> dict[str, Any]:
    tools.archive.keep_found(context.job.id, image_id, operation, answer)
    return told(answer)


EVERYTHING = Kind("segment-everything", EverythingOrder, everything, forget_picture)
BOX = Kind("segment-box", BoxOrder, box, forget_picture)
EXTRACT = Kind("extract-objects", ExtractOrder, extract, forget_extraction, files=extracted_files)
SINGLE = Kind("segment-single", SingleOrder, single, forget_picture)
BATCH: Kind[Tools] = Kind("segment-batch", BatchOrder)
