"""``imagequarry models``: which models there are, getting their weights, checking them and being rid of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

app = typer.Typer(no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Models; 'list' names them.")]
NamesOrAll = Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Models; default: all present.")]

_COLOURS = {"ok": "green", "damaged": "red", "missing": "red", "unknown": "yellow"}


@app.command("list")
def list_models() -> None:
    """Every model: what it does, its size and licence, and whether its weights are on this machine."""
    from imagequarry.runtime import registering
    from imagequarry.settings import read_settings

    registry, _ = registering.models(read_settings())
    # A name is there to be copied: whatever else gets narrow, it stays whole.
    name = Column("name", no_wrap=True, min_width=max(len(state.card.name) for state in registry.states()))
    table = Table(name, "task", "MB", "licence", "here", "SHA-256", "hub")
    for state in registry.states():
        card = state.card
        here = "checkpoint" if state.checkpoint else "yes" if state.cached else "no"
        if registry.setup_fault(card.name):
            here = "not set up"
        size = str(card.size_mb) if card.size_mb else "-"
        table.add_row(card.name, card.task, size, card.licence, here, state.digest[:12] or "-", card.hub or "-")
    Console().print(table)


@app.command()
def pull(names: Names) -> None:
    """Get the weights of models from the hub; what was interrupted goes on where it ended."""
    from imagequarry.runtime import registering
    from imagequarry.settings import read_settings

    settings = read_settings()
    registry, _ = registering.models(settings)
    cards = [registry.card(name) for name in names]
    puller = registering.puller(settings)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        for card in cards:
            pulled = puller.pull(card, _bars(progress, card.name))
            progress.console.print(f"{card.name}: {'complete and checked' if pulled else 'is here already'}")


def _bars(progress: Progress, model: str) -> Callable[[str, int, int], None]:
    """What shows how far each file of the model is."""
    bars: dict[str, TaskID] = {}

    def tell(file: str, done: int, total: int) -> None:
        if file not in bars:
            bars[file] = progress.add_task(f"{model}/{file}", total=total)
        progress.update(bars[file], completed=done)

    return tell


@app.command("rm")
def remove(names: Names) -> None:
    """Free the disk of models' weights."""
    from imagequarry.runtime import registering
    from imagequarry.settings import read_settings

    settings = read_settings()
    registry, _ = registering.models(settings)
    weights = registering.weights(settings)
    for card in [registry.card(name) for name in names]:
        freed = weights.remove(card)
        typer.echo(f"{card.name}: removed, {freed / 1e6:.1f} MB freed")


@app.command()
def verify(names: NamesOrAll = None) -> None:
    """Read weights anew and compare them with what was recorded when they were pulled; exit code 1 for damage."""
    from imagequarry.runtime import registering
    from imagequarry.settings import read_settings

    settings = read_settings()
    registry, _ = registering.models(settings)
    weights = registering.weights(settings)
    if names:
        cards = [registry.card(name) for name in names]
    else:
        # Weights that several models share are read once.
        owners = [state.card for state in registry.states() if state.card.folder == state.card.name]
        cards = [card for card in owners if weights.has_files(card)]
    table = Table("model", "file", "state", Column("SHA-256", overflow="fold"))
    bad = False
    for card in cards:
        for check in weights.verify(card):
            bad = bad or check.verdict in ("damaged", "missing")
            shown = f"[{_COLOURS[check.verdict]}]{check.verdict}[/]"
            table.add_row(card.name, check.file, shown, check.sha256)
    Console().print(table)
    if bad:
        raise typer.Exit(1)
