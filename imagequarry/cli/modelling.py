"""``imagequarry mesh``: pictures in, models in space out, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imagequarry.capabilities.intake import Opened
from imagequarry.capabilities.meshes import MadeModel, Meshes
from imagequarry.cli.pictures import each_picture
from imagequarry.domain.mesh import FORMATS, MeshOptions, Quality, Unwatched
from imagequarry.errors import InvalidInput
from imagequarry.runtime import registering
from imagequarry.settings import read_settings


def options_of(faces: int | None, quality: str, texture: bool) -> MeshOptions:
    """The options as the command line has them. Raises ``InvalidInput``."""
    known: dict[str, Quality] = {"draft": "draft", "standard": "standard", "high": "high"}
    if quality not in known:
        raise InvalidInput(f"--quality is draft, standard or high, not {quality[:32]!r}.")
    return MeshOptions(faces, texture, known[quality])


def mesh(files: Sequence[Path], out: Path, options: MeshOptions, model: str | None, format: str) -> None:
    """A folder of each file's name below ``out`` with its model; what fails is named at the end, with exit code 1."""
    settings = read_settings()
    meshes = Meshes(*registering.models(settings))
    meshes.ready(model)
    if format.lower() not in FORMATS:
        raise InvalidInput(f"--format is one of {', '.join(FORMATS)}, not {format[:32]!r}.")

    def make(opened: Opened, stem: str) -> str:
        made = meshes.make(opened.raster, options, model, out / stem, Unwatched())
        return f"{_said(made)} in {meshes.converted(out / stem, format)}"

    each_picture("Making models", files, settings, make)


def _said(made: MadeModel) -> str:
    return " ".join((f"{made.faces} faces ({made.geometry}) by {made.model}", *made.notes))
