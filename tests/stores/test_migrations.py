"""The tables as migrations make them are the tables the code describes, whoever makes them first."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import String, inspect, text

from imagequarry.errors import StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.library import Library
from imagequarry.stores.migrations import configuration
from imagequarry.stores.segmentations import Segmentations
from imagequarry.stores.tables import REVISION, metadata
from tests.stores.samples import image, rectangle, segmentation

WORD_INDEX = ("description_words", "description_beginnings", "descriptions_words")

START = """
import sys
from imagequarry.stores.database import Database
database = Database(sys.argv[1])
sys.stdin.readline()
database.migrate()
database.ping()
print("alembic" in sys.modules)
"""


def is_no_word_index(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
    return not (name or "").startswith(WORD_INDEX) and (kind, name) != ("column", "words")


def test_migrations_make_exactly_the_tables_that_the_code_describes(database: Database) -> None:
    with database.read() as connection:
        # Full text search has its index outside of what SQLAlchemy describes; tests of its own hold it.
        opts = {"compare_type": True, "compare_server_default": True, "include_object": is_no_word_index}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
        schema = inspect(connection)
        assert [index["name"] for index in schema.get_indexes("images")] == ["ix_images_created_at", "ix_images_digest"]
        for table in metadata.sorted_tables:
            # SQLite takes no name for a key that counts up by itself.
            counted = database.is_sqlite and table.dialect_options["sqlite"]["autoincrement"]
            assert schema.get_pk_constraint(table.name)["name"] == (None if counted else f"pk_{table.name}")
            named = {key["name"] for key in schema.get_foreign_keys(table.name)}
            assert named == {key.name for key in table.foreign_key_constraints}


def test_the_revision_named_in_the_code_is_the_newest_one(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection:
        assert ScriptDirectory.from_config(configuration(connection)).get_heads() == [REVISION]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == REVISION


def test_the_first_revision_can_be_taken_back_and_made_again(database: Database) -> None:
    with database.write() as connection:
        command.downgrade(configuration(connection), "base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    database.migrate()
    with database.read() as connection:
        made = [name for name in inspect(connection).get_table_names() if not name.startswith(WORD_INDEX)]
        assert len(made) == len(metadata.tables) + 1


def test_processes_that_start_at_once_migrate_once_and_later_ones_need_no_alembic(database_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", START, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    for process in started:  # each waits here until all are ready
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in started]
    assert [(process.returncode, error) for process, (_, error) in zip(started, outputs, strict=True)] == [(0, "")] * 5
    later = subprocess.run([sys.executable, "-c", START, database_url], input="go\n", text=True, capture_output=True)
    assert later.stdout.strip() == "False"


def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageFailure, match="another version"):
        database.migrate()
    with database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE masks (id INTEGER)"))
    with pytest.raises(StorageFailure):
        database.migrate()
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["masks"]
    database.close()


def test_rebuilding_a_table_in_a_migration_keeps_the_rows_that_refer_to_it(
    database: Database, library: Library
) -> None:
    library.store_with_masks(image("a"), b"picture", segmentation("s", (rectangle(0, 0, 9, 9),), image_id="a"))
    with database.migrating() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("images", recreate="auto") as batch:
            batch.alter_column("filename", type_=String(300), nullable=False)
    assert len(Segmentations(database).get("s").candidates) == 1
    with database.read() as connection:
        if database.is_sqlite:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
