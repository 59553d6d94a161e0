"""The ``imagequarry`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

import imagequarry
from imagequarry.cli import api_keys, job_list, weights
from imagequarry.errors import QuarryError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(api_keys.app, name="keys", help="Keys that open the server.")
app.add_typer(job_list.app, name="jobs", help="What was asked for in the background.")
app.add_typer(weights.app, name="models", help="Which models there are, on disk and in memory.")


def main() -> None:
    """Run the command; an error of ours is one sentence and exit code 1, never a traceback."""
    try:
        app()
    except QuarryError as error:
        # Escaped, since rich would take the [models] of a pip command for a style.
        said = f"[red]{type(error).__name__}[/red]: {escape(error.message)}"
        Console(stderr=True).print(said, highlight=False, soft_wrap=True)
        raise SystemExit(1) from None


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Image Quarry: everything one wants to know of, cut out of, or make from an image."""
    if version:
        typer.echo(imagequarry.__version__)
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: PORT or 8000.")] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Reload on changes; pages of all origins may call.")] = False,
) -> None:
    """Start the server."""
    # Here and below: a command imports no more than it needs, so that `--help` answers at once.
    from imagequarry.cli import server

    server.serve(host, port, dev)


@app.command()
def work(
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Jobs at once; default: JOB_WORKERS.")] = None,
    child: Annotated[bool, typer.Option("--child", hidden=True, help="Work for the server that started this.")] = False,
) -> None:
    """Work on jobs in a process beside the server; any number of them share its database."""
    from imagequarry.cli import working

    if child:
        working.work_for_supervisor()
    working.work(workers)


@app.command()
def segment(
    files: Annotated[list[Path], typer.Argument(help="Pictures.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    everything: Annotated[bool, typer.Option("--everything", help="Every region (the default).")] = False,
    point: Annotated[list[str] | None, typer.Option(help="x,y in pixels; repeat for more.")] = None,
    background: Annotated[list[str] | None, typer.Option(help="x,y that does not belong to it.")] = None,
    box: Annotated[str | None, typer.Option(help="x,y,width,height in pixels.")] = None,
    model: Annotated[str | None, typer.Option(help="Model; default: DEFAULT_MODEL.")] = None,
    feather: Annotated[float, typer.Option(help="Soft edge of the cut-outs, in pixels.")] = 2.0,
) -> None:
    """Segment pictures: cut-outs and masks as PNG, all masks as COCO RLE (JSON) and drawn over the picture (SVG)."""
    from imagequarry.cli import segmenting

    prompt = segmenting.prompt_of(point or [], background or [], box, everything)
    segmenting.segment(files, out, prompt, model, feather)


@app.command()
def mesh(
    files: Annotated[list[Path], typer.Argument(help="Pictures.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option(help="Folder for the results, with one for each picture.")],
    format: Annotated[str, typer.Option(help="glb, obj, ply or stl; the GLB is always there.")] = "glb",
    faces: Annotated[int | None, typer.Option(help="Most triangles, 12 to 500000.")] = None,
    model: Annotated[str | None, typer.Option(help="Maker; default: MESH_MODEL.")] = None,
    quality: Annotated[str, typer.Option(help="draft, standard or high: size of texture and mesh.")] = "standard",
    texture: Annotated[bool, typer.Option("--texture/--no-texture", help="The picture on the model.")] = True,
) -> None:
    """Make models in space of what pictures show. Needs no server."""
    from imagequarry.cli import modelling

    modelling.mesh(files, out, modelling.options_of(faces, quality, texture), model, format)


@app.command()
def index(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder.", exists=True, file_okay=False)],
    recursive: Annotated[bool, typer.Option("--recursive/--no-recursive", help="Its folders too.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Also what is described already and did not change.")] = False,
) -> None:
    """Describe the pictures in a folder: captions, objects, and vectors to search by. Needs no server.

    A server on the same database finds them at once, wherever they lie; its callers may name paths below IMAGE_ROOTS.
    """
    from imagequarry.cli import indexing

    raise typer.Exit(indexing.index(directory, recursive, force))


@app.command()
def openapi() -> None:
    """Print what every route takes and answers, as OpenAPI in JSON."""
    from imagequarry.cli import routes

    routes.show()


@app.command()
def doctor() -> None:
    """Say what is installed, which engines can run, what is missing and how to get it."""
    from imagequarry.cli import examination

    raise typer.Exit(examination.examine())
