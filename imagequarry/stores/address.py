"""Reads a database address as users write it and turns it into the one form the engine takes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from imagequarry.errors import StorageFailure

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
# These hide in the query part, where SQLAlchemy does not mask them when an address is printed.
_SECRETS = ("password", "sslpassword")


def parse(address: str) -> tuple[URL, dict[str, Any]]:
    """The engine's URL and arguments that must not be part of it.

    Any driver named (``+asyncpg``, ``+aiosqlite``) is replaced by ours, which serves both databases synchronously.
    Raises StorageFailure for what is neither SQLite nor PostgreSQL; the message never repeats the address.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # Not chained: the original may quote a piece of the address, and so of the password.
        raise StorageFailure("The database address cannot be read.") from None
    dialect = url.drivername.partition("+")[0]
    if dialect not in _DRIVERS:
        raise StorageFailure("The database address must begin with sqlite:// or postgresql://.")
    url = url.set(drivername=_DRIVERS[dialect])
    if dialect == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StorageFailure("A SQLite database in memory cannot be shared by threads; name a file.")
        return url, {}
    secrets = {key: url.query[key] for key in _SECRETS if key in url.query}
    url = url.difference_update_query(_SECRETS)
    if "ssl" in url.query:  # asyncpg's word for it
        url = url.update_query_dict({"sslmode": url.query["ssl"]}).difference_update_query(["ssl"])
    return url, secrets
