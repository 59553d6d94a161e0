"""The jobs that make models in space: one of a picture, and a batch of them.

Every such job has a picture of its own under its own id, so it loses it to nobody. What it makes lies in a folder
named after it, which a second try after a crash writes anew.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagequarry.domain.job import Job, JobLimits
from imagequarry.domain.mesh import MeshOptions
from imagequarry.errors import Cancelled, ImageNotFound, InvalidPicture
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind, Tools

_DAY_SECONDS = 86_400.0
# The longest that a service elsewhere may be given; most jobs are handed in with less.
_LONG = JobLimits(soft=_DAY_SECONDS + 540, hard=_DAY_SECONDS + 600)


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """Make a model of the picture that is kept under ``image_id``, the job's own id.

    ``fault`` says why there is no picture: a file of a batch that was of no use. ``filename`` is its name for people.
    """

    image_id: str | None
    model: str
    filename: str = ""
    options: MeshOptions = field(default_factory=MeshOptions)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ModelsOrder:
    """A batch is its children; it has nothing to do itself."""

    total: int


def make(context: Context, order: ModelOrder, tools: Tools) -> dict[str, Any]:
    """Make the model."""
    if order.image_id is None:
        raise InvalidPicture(order.fault or None)
    raster = tools.archive.raster_once(order.image_id)
    folder = folder_of(tools.results, context.job.id)
    try:
        made = tools.meshes.make(raster, order.options, order.model, folder, context)
        # Whoever lost the job meanwhile learns it now; what lies there may be another worker's by then.
        context.log(f"The model has {made.faces} faces.")
        # A job is deleted picture first: where it is gone by now, nobody would take away what was made.
        tools.archive.image(order.image_id)
    except (Cancelled, ImageNotFound):
        _remove(folder)
        raise
    return {**made.told(), "filename": order.filename}


def folder_of(results: Path, job_id: str) -> Path:
    """Where a job's model lies."""
    return results / job_id


def forget(job: Job, order: ModelOrder, tools: Tools) -> None:
    """Remove the job's picture, then what was made of it."""
    if order.image_id is not None:
        with suppress(ImageNotFound):
            tools.archive.delete(order.image_id)
    _remove(folder_of(tools.results, job.id))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


MODEL = Kind("make-model", ModelOrder, make, forget, limits=_LONG)
MODELS: Kind[Tools] = Kind("make-models", ModelsOrder, limits=_LONG)
