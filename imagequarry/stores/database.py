"""One database, SQLite or PostgreSQL: transactions that read, transactions that write, and bringing it up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, text

from imagequarry.errors import Busy, Conflict, StorageFailure
from imagequarry.stores import address
from imagequarry.stores.tables import REVISION

# Parameters are what users sent: they do not belong into messages and logs.
_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 20, "hide_parameters": True}
# Any number does, as long as only migrations take it.
_MIGRATION_LOCK = 5_081_147


class Database:
    """A pool of connections, shared by all threads of a process. Make it after a fork, not before.

    ``read`` and ``write`` each open one transaction and hand out its Connection. Both translate what the database
    raises: Busy when no connection (or SQLite's write lock) came free in ``busy_seconds``, Conflict for a broken
    constraint, StorageFailure for all else. Raises StorageFailure for an address that is neither SQLite nor
    PostgreSQL; nothing is connected to before the first transaction.
    """

    def __init__(self, url: str, busy_seconds: float = 30) -> None:
        parsed, secrets = address.parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        engine = _sqlite(parsed, busy_seconds) if self.is_sqlite else _postgresql(parsed, secrets, busy_seconds)
        self._writer = engine
        # One snapshot for all queries of a transaction, on both databases, and no accidental write in it.
        self._reader = (
            engine
            if self.is_sqlite
            else engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )

    def __repr__(self) -> str:
        return f"Database({'SQLite' if self.is_sqlite else 'PostgreSQL'})"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state of the database, blocks no writer and cannot write."""
        with _translated(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes: committed at the end, rolled back when anything is raised in it.

        On SQLite it holds the only write lock from its first moment, so keep slow work outside.
        """
        with _translated(), self._writer.connect() as connection:
            if self.is_sqlite:
                connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def lock(self, connection: Connection, key: int) -> None:
        """Keep other writing transactions that lock the same key (63 bits) out until this one ends."""
        if not self.is_sqlite:  # SQLite has one writer anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def ping(self) -> None:
        """Raise StorageFailure unless the database answers."""
        with self.read() as connection:
            # SQLite opens its file only when something in it is asked for.
            connection.exec_driver_sql("PRAGMA schema_version" if self.is_sqlite else "SELECT 1")

    def close(self) -> None:
        """Give all connections back."""
        self._writer.dispose()

    def migrate(self) -> None:
        """Bring the tables to this program's revision. Safe when several processes do it at once."""
        with self.read() as connection:
            if _revision(connection) == REVISION:
                return
        with self.migrating() as connection:
            if _revision(connection) == REVISION:
                return
            # Here, because Alembic takes longer to import than a start with nothing to do takes altogether.
            from imagequarry.stores.migrations import upgrade

            upgrade(connection)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A writing transaction for one migration at a time, in which a table can be rebuilt without losing rows."""
        if not self.is_sqlite:
            with self.write() as connection:
                self.lock(connection, _MIGRATION_LOCK)
                yield connection
            return
        with _translated(), self._writer.connect() as connection:
            connection = connection.execution_options(writes=True)
            # Altering a table in SQLite means dropping the old one, which would cascade to the rows that refer to it.
            # The switch has no effect inside a transaction, hence the driver's own connection.
            _driver(connection).execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise StorageFailure("The migration would have left rows that refer to nothing.")
            finally:
                _driver(connection).execute("PRAGMA foreign_keys = ON")


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    assert url.database is not None
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailure("The folder of the database cannot be made.") from error
    engine = create_engine(url, connect_args={"timeout": busy_seconds}, pool_timeout=busy_seconds, **_POOL)
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later can fail at once with "locked": writers say so from the start.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL, secrets: dict[str, Any], busy_seconds: float) -> Engine:
    arguments = dict(secrets)
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = 5
    return create_engine(url, connect_args=arguments, pool_timeout=busy_seconds, pool_pre_ping=True, **_POOL)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except exc.TimeoutError as error:
        raise Busy("The database has no connection free.") from error
    except exc.IntegrityError as error:
        raise Conflict from error
    except exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            raise Busy("The database is locked by another program.") from error
        raise StorageFailure("The database cannot be reached or used.") from error
    except exc.SQLAlchemyError as error:
        raise StorageFailure("The database could not do this.") from error
