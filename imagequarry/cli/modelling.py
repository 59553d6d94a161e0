"""``imagequarry mesh``: pictures in, models in space out, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imagequarry import runtime
from imagequarry.capabilities.intake import Limits, open_picture
from imagequarry.capabilities.meshes import MadeModel, Meshes
from imagequarry.cli.segmenting import stems
from imagequarry.domain.mesh import FORMATS, MeshOptions, Quality, Unwatched
from imagequarry.errors import InvalidInput, QuarryError
from imagequarry.settings import read_settings

console = Console(stderr=True, highlight=False)


def options_of(faces: int | None, quality: str, texture: bool) -> MeshOptions:
    """The options as the command line has them. Raises ``InvalidInput``."""
    known: dict[str, Quality] = {"draft": "draft", "standard": "standard", "high": "high"}
    if quality not in known:
        raise InvalidInput(f"--quality is draft, standard or high, not {quality[:32]!r}.")
    return MeshOptions(faces, texture, known[quality])


def mesh(files: Sequence[Path], out: Path, options: MeshOptions, model: str | None, format: str) -> None:
    """A folder of each file's name below ``out`` with its model; what fails is named at the end, with exit code 1."""
    settings = read_settings()
    meshes = Meshes(*runtime.models(settings))
    meshes.ready(model)
    if format.lower() not in FORMATS:
        raise InvalidInput(f"--format is one of {', '.join(FORMATS)}, not {format[:32]!r}.")
    limits = Limits(max_bytes=settings.max_image_mb * 2**20, max_side=settings.max_image_side)
    failed: list[tuple[Path, str]] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Making models", total=len(files))
        for file, stem in zip(files, stems(files), strict=True):
            try:
                with file.open("rb") as source:
                    raster = open_picture(source, limits).raster
                made = meshes.make(raster, options, model, out / stem, Unwatched())
                where = meshes.converted(out / stem, format)
                progress.console.print(f"{file}: {_said(made)} in {where}")
            except (QuarryError, OSError) as error:
                failed.append((file, str(error)))
            progress.advance(task)
    for file, why in failed:
        console.print(f"[red]failed[/] {file}: {why}")
    if failed:
        raise SystemExit(1)


def _said(made: MadeModel) -> str:
    return " ".join((f"{made.faces} faces ({made.geometry}) by {made.model}", *made.notes))
