"""The jobs that segment: everything, a box, cut-out objects, and the pictures of a batch.

What a job finds is kept under the job's own id, so a second try after a crash replaces what the first one left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.fractions import FractionPrompts
from imagequarry.capabilities.segmentation import Answer
from imagequarry.domain.geometry import Box
from imagequarry.domain.records import Operation
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import InvalidPicture
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind, Tools

Named = dict[str, int | float | None]


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
    """One picture of a batch; without prompts everything in it. ``fault`` says why there is no picture."""

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
    raster = tools.archive.raster(order.image_id)
    answer = tools.segmentation.everything(raster, order.named, order.model, context)
    return _kept(context, order.image_id, "everything", answer, tools)


def box(context: Context, order: BoxOrder, tools: Tools) -> dict[str, Any]:
    """Segment what a box holds."""
    raster = tools.archive.raster(order.image_id)
    answer = tools.segmentation.prompted(raster, [Prompt(box=Box(*order.box))], order.model, order.most)
    return _kept(context, order.image_id, "box", answer, tools)


def extract(context: Context, order: ExtractOrder, tools: Tools) -> dict[str, Any]:
    """Cut every object out."""
    raster = tools.archive.raster(order.image_id)
    # A try that was cut off after the files were written would write them again: so they are told as soon as written.
    files = context.checkpoint
    if files is None:
        folder = cutouts.results_folder(tools.results, order.save_dir)
        answer = tools.segmentation.everything(raster, order.named, order.model, context)
        _kept(context, order.image_id, "everything", answer, tools)
        done = cutouts.extract_objects(raster, answer.candidates, order.min_pixels, folder)
        saved = [str(file.relative_to(tools.results)) for file in done.saved]
        files = {"saved": saved, "skipped": done.skipped, "model": answer.model}
        context.progress(0.9, "objects saved", checkpoint=files)
    drive: dict[str, Any] = {"files": [], "warnings": []}
    if order.save_to_drive:
        paths = [tools.results / name for name in files["saved"]]
        sent = tools.drive.send(paths, order.drive_folder_id, context)
        drive = {"files": [[file.file_id, file.web_view] for file in sent.files], "warnings": list(sent.warnings)}
    return {**files, "drive": drive}


def single(context: Context, order: SingleOrder, tools: Tools) -> dict[str, Any]:
    """Segment one picture of a batch."""
    if order.image_id is None:
        raise InvalidPicture(order.fault or None)
    raster = tools.archive.raster(order.image_id)
    prompts = order.prompts.placed(raster.width, raster.height)
    if prompts:
        answer = tools.segmentation.prompted(raster, prompts, order.model)
    else:
        answer = tools.segmentation.everything(raster, order.named, order.model, context)
    return _kept(context, order.image_id, "single", answer, tools)


def _kept(context: Context, image_id: str, operation: Operation, answer: Answer, tools: Tools) -> dict[str, Any]:
    tools.archive.keep_found(context.job.id, image_id, operation, answer)
    return {"model": answer.model, "total_masks": len(answer.candidates), "complete": answer.complete}


EVERYTHING = Kind("segment-everything", EverythingOrder, everything)
BOX = Kind("segment-box", BoxOrder, box)
EXTRACT = Kind("extract-objects", ExtractOrder, extract)
SINGLE = Kind("segment-single", SingleOrder, single)
BATCH: Kind[Tools] = Kind("segment-batch", BatchOrder)
