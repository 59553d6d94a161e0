"""How the tables came to be, revision by revision. Imports Alembic, so import this only when there is work to do."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from imagequarry.errors import StorageFailure


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision, inside the transaction that is open on the connection."""
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise StorageFailure("The database was made by another version of this program; update the program.") from error


def configuration(connection: Connection) -> Config:
    """Alembic's configuration: this folder, wherever the package is installed, and that connection."""
    config = Config()
    folder = str(Path(__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
