"""``imagequarry openapi``: what every route takes and answers."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from imagequarry.app import create_app
from imagequarry.ops import logs
from imagequarry.settings import read_settings


def show() -> None:
    """Print the description; nothing is started, and nothing is written but to standard output."""
    with TemporaryDirectory() as nowhere:
        folder = Path(nowhere)
        app = create_app(read_settings(data_dir=folder, log_dir=folder, log_file=None))
        typer.echo(json.dumps(app.openapi(), indent=1, ensure_ascii=False))
        logs.configure()  # into no files any more, since their folder goes
