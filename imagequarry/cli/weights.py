"""``imagequarry models``: which models there are."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """Every model: what it does, its licence, and whether its weights are on this machine."""
    from imagequarry import runtime
    from imagequarry.settings import read_settings

    registry, _ = runtime.models(read_settings())
    table = Table("name", "task", "family", "MB", "licence", "on this machine", "description")
    for state in registry.states():
        card = state.card
        size = str(card.size_mb) if card.size_mb else "-"
        here = "yes" if state.cached else "no"
        table.add_row(card.name, card.task, card.family, size, card.licence, here, card.description)
    Console().print(table)
