"""``imagequarry keys``: a new key for the server, and where it goes."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True)

_BYTES = 32


@app.command()
def new(
    admin: Annotated[
        bool, typer.Option("--admin", help="One that opens surface E's admin and logs routes too.")
    ] = False,
) -> None:
    """Print a new random key. Nothing is stored: it holds as soon as the server is started with it."""
    variable, prefix = ("ADMIN_API_KEYS", "iqa_") if admin else ("API_KEYS", "iq_")
    key = prefix + secrets.token_urlsafe(_BYTES)
    # Alone on standard output, so that a script can take it.
    typer.echo(key)
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"Put it into {variable}, in the environment or in the file .env of the folder the server is started in, with "
        "a comma after those that are there, and start the server anew. Callers send it as 'Authorization: Bearer KEY' "
        "or in X-API-Key. It is shown this once."
    )
