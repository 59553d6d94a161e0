"""Addresses, transactions and what a caller is told when the database cannot be used."""

from __future__ import annotations

import sqlite3
import threading
import time
import traceback
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from imagequarry.errors import Busy, Conflict, InvalidPrompt, StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.tables import images
from tests.stores.samples import NOON

SECRET = "hunter2secret"
ROW = {
    "id": "a",
    "digest": "0" * 64,
    "filename": "a.png",
    "format": "PNG",
    "width": 1,
    "height": 1,
    "size_bytes": 1,
    "kind": "original",
    "origin": "quarry",
    "created_at": NOON,
}


def count(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(images.select()).all())


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_address_works(scheme: str, postgresql_url: str) -> None:
    database = Database(scheme + postgresql_url.removeprefix("postgresql"))
    database.ping()
    database.close()
    assert repr(database) == "Database(PostgreSQL)"


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"])
def test_every_spelling_of_a_sqlite_address_makes_the_file_and_its_folder(scheme: str, tmp_path: Path) -> None:
    database = Database(f"{scheme}:///{tmp_path}/new folder/50%25/quarry.db")
    database.migrate()
    database.close()
    assert [path.name for path in (tmp_path / "new folder").rglob("*.db")] == ["quarry.db"]
    assert repr(database) == "Database(SQLite)"


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "sqlite://", "sqlite:///:memory:", "", "nonsense", "postgresql"])
def test_an_address_that_is_no_use_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(StorageFailure, match=r"^(The|A) .*\.$"):
        Database(url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://quarry:{SECRET}@127.0.0.1:1/quarry",
        f"postgresql+asyncpg://quarry:{SECRET}@127.0.0.1:1/quarry?ssl=disable",
        f"postgresql://quarry@127.0.0.1:1/quarry?password={SECRET}",
        f"postgresql://quarry@127.0.0.1:1/quarry?sslpassword={SECRET}",
        f"postgresql://quarry:{SECRET}@127.0.0.1:1/quarry?no_such_option=1",
        f"postgresql://quarry:a@b:{SECRET}@127.0.0.1:1/quarry",
        f"postgresql://quarry@host:{SECRET}/quarry",
        f"mysql://quarry:{SECRET}@127.0.0.1:1/quarry",
        f"://{SECRET}",
    ],
)
def test_a_password_appears_in_no_message_trace_or_repr(url: str) -> None:
    shown = []

    def connect() -> None:
        database = Database(url)
        shown.append(f"{database!r} {database.__dict__}")
        database.ping()

    with pytest.raises(StorageFailure) as caught:
        connect()
    assert SECRET not in "".join(shown)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.details)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.alone
def test_a_server_that_does_not_answer_is_a_storage_failure_soon() -> None:
    begun = time.monotonic()
    with pytest.raises(StorageFailure, match="cannot be reached"):
        Database("postgresql://quarry:pw@127.0.0.1:1/quarry").migrate()
    assert time.monotonic() - begun < 6


def test_a_file_that_is_no_database_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be mistaken for one" * 50)
    with pytest.raises(StorageFailure):
        Database(f"sqlite:///{tmp_path}/notes.txt").ping()


def test_a_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailure) as caught:
        Database(f"sqlite:///{tmp_path}/file/below/quarry.db")
    assert str(tmp_path) not in str(caught.value)


def test_what_is_raised_in_a_transaction_undoes_it_and_comes_out_as_it_was(database: Database) -> None:
    def change_of_mind() -> None:
        with database.write() as connection:
            connection.execute(images.insert(), ROW)
            raise InvalidPrompt

    with pytest.raises(InvalidPrompt):
        change_of_mind()
    assert count(database) == 0


def test_a_broken_constraint_is_a_conflict_and_bad_sql_a_storage_failure(database: Database) -> None:
    with pytest.raises(Conflict), database.write() as connection:
        connection.execute(images.insert(), [ROW, ROW])
    with pytest.raises(StorageFailure), database.write() as connection:
        connection.execute(text("SELECT * FROM nothing"))
    assert count(database) == 0


def test_a_reading_transaction_cannot_write(database: Database) -> None:
    with pytest.raises(StorageFailure), database.read() as connection:
        connection.execute(images.insert(), ROW)
    with database.write() as connection:  # on the same connection of the pool
        connection.execute(images.insert(), ROW)
    assert count(database) == 1


def test_a_reading_transaction_sees_one_state_throughout_and_blocks_no_writer(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(images.select()).all() == []
        with database.write() as other:
            other.execute(images.insert(), ROW)
        assert connection.execute(images.select()).all() == []
    assert count(database) == 1


@pytest.mark.alone
def test_readers_go_on_while_a_writer_holds_its_lock(database: Database) -> None:
    with database.write() as connection:
        connection.execute(images.insert(), ROW)
        begun = time.monotonic()
        assert count(database) == 0
        assert time.monotonic() - begun < 1


def test_two_writers_of_sqlite_take_turns(sqlite_database: Database) -> None:
    entered = threading.Event()

    def write_too() -> None:
        with sqlite_database.write() as connection:
            entered.set()
            assert len(connection.execute(images.select()).all()) == 1

    with sqlite_database.write() as connection:
        second = threading.Thread(target=write_too)
        second.start()
        assert not entered.wait(0.3)
        connection.execute(images.insert(), ROW)
    second.join(10)
    assert entered.is_set()


def test_a_lock_that_does_not_come_free_is_busy_and_does_no_lasting_harm(sqlite_url: str) -> None:
    database = Database(sqlite_url, busy_seconds=0.2)
    database.migrate()
    with database.write(), pytest.raises(Busy), database.write():
        pass
    with database.write() as connection:
        connection.execute(images.insert(), ROW)
    assert count(database) == 1
    database.close()


def test_a_lost_connection_is_replaced(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.read() as connection:
        process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    database.ping()
    database.close()


def test_sqlite_is_set_up_for_many_readers_and_for_foreign_keys(sqlite_database: Database, sqlite_url: str) -> None:
    asked = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    with sqlite_database.read() as connection:
        answers = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert answers == ["wal", 1, 1, 30_000]
    assert sqlite3.sqlite_version_info >= (3, 35)
