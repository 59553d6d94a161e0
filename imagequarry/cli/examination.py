"""``imagequarry doctor``: what is installed, which engines can run, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import imagequarry
from imagequarry.errors import QuarryError
from imagequarry.runtime import registering
from imagequarry.settings import Settings, read_settings
from imagequarry.stores.database import Database

# Escaped, since rich would take [models] for a style.
_INSTALL = escape("pip install 'imagequarry[models]'")
_LIBRARIES = ("torch", "transformers", "safetensors", "opencv-python-headless", "pycocotools", "pillow", "psycopg")
_OK, _MISSING, _BROKEN = "[green]ok[/]", "[yellow]missing[/]", "[red]broken[/]"


def examine() -> int:
    """Print the findings; 1 when something keeps the server from working, else 0."""
    settings = read_settings()
    table = Table("what", "state", "found", "what to do")
    table.add_row("Image Quarry", _OK, imagequarry.__version__, "")
    table.add_row("Python", _OK, f"{platform.python_version()} on {platform.platform(terse=True)}", "")
    table.add_row("processors", _OK, str(os.cpu_count()), "")
    broken = [
        not _examined(table, "data folder", lambda: _writable(settings.data_dir), "set DATA_DIR to a folder you own"),
        not _examined(table, "results folder", lambda: _writable(settings.results), "set RESULTS_DIR to one you own"),
        not _examined(table, "database", lambda: _database(settings), "check DATABASE_URL and that it is running"),
    ]
    for name in _LIBRARIES:
        _library(table, name)
    _models(table, settings)
    keys = f"{len(settings.api_keys)} set" if settings.api_keys else "none: open to whoever reaches the server"
    table.add_row("API keys", _OK, keys, "" if settings.api_keys else "set API_KEYS to ask for one")
    Console().print(table)
    return int(any(broken))


def _examined(table: Table, what: str, look: Callable[[], str], remedy: str) -> bool:
    try:
        table.add_row(what, _OK, look(), "")
    except (OSError, QuarryError) as error:
        table.add_row(what, _BROKEN, str(error), remedy)
        return False
    return True


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return str(folder.resolve())


def _database(settings: Settings) -> str:
    database = Database(settings.database)
    try:
        database.ping()
        return "SQLite" if database.is_sqlite else "PostgreSQL"
    finally:
        database.close()


def _library(table: Table, name: str) -> None:
    try:
        table.add_row(name, _OK, importlib.metadata.version(name), "")
    except importlib.metadata.PackageNotFoundError:
        table.add_row(name, _MISSING, "needed by the models with weights", _INSTALL)


def _models(table: Table, settings: Settings) -> None:
    registry, _ = registering.models(settings)
    if settings.sam_checkpoint_path is not None:
        fault = registering.weights(settings).checkpoint_fault()
        found = fault or str(settings.sam_checkpoint_path)
        table.add_row(
            "SAM checkpoint", _BROKEN if fault else _OK, escape(found), "set SAM_CHECKPOINT_PATH" if fault else ""
        )
    for state in registry.states():
        card, lacking = state.card, registry.missing_libraries(state.card.name)
        what = f"model {card.name}"
        if lacking:
            table.add_row(what, _MISSING, f"needs {', '.join(lacking)}", _INSTALL)
        elif fault := registry.setup_fault(card.name):
            table.add_row(what, _MISSING, escape(fault), "docs/fal.md")
        elif not state.cached:
            table.add_row(what, _MISSING, "no weights on this machine", f"imagequarry models pull {card.name}")
        else:
            table.add_row(what, _OK, "can run", "")
