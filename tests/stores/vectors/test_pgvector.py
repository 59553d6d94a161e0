"""What the engine over pgvector does beside searching: its index is made, kept, filled at once, and mended."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from imagequarry.domain.described import Space
from imagequarry.errors import StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.vectors import Matrix, MatrixVectors, PgVectors, choose, index_table, pgvector
from imagequarry.stores.vectors.index_table import IndexTable, table_name
from tests.stores.vectors.gallery import SPACE, Gallery, ids, names, unit

WIDE = Space("picture", "wide", "1", 64)


@pytest.fixture
def place() -> str:
    return "pgvector-postgresql"


@pytest.fixture
def indexed(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gallery]:
    """A gallery whose answers come from the index or not at all."""
    engine = choose(database, "pgvector")
    assert isinstance(engine, PgVectors)
    monkeypatch.setattr(pgvector, "_SELECTIVE", 5)
    monkeypatch.setattr(engine._matrix, "nearest", _not_asked)
    yield Gallery(database, engine)
    engine.close()


def _not_asked(*_: object, **__: object) -> list[list[object]]:
    raise AssertionError("the index was not used")


def rows_of_index(database: Database, space: Space) -> int | None:
    """None when the space has no index table."""
    with database.read() as connection:
        if connection.execute(text("SELECT to_regclass(:name)"), {"name": table_name(space.key)}).scalar() is None:
            return None
        count: int = connection.execute(text(f"SELECT count(*) FROM {table_name(space.key)}")).scalar_one()
        return count


def recall(found: list[list[str]], expected: list[list[str]]) -> float:
    hits = sum(len(set(one) & set(other)) for one, other in zip(found, expected, strict=True))
    return hits / sum(map(len, expected))


def searched(engine: PgVectors | MatrixVectors, queries: Matrix, k: int = 10, **filters: list[str]) -> list[list[str]]:
    return [ids(hits) for hits in engine.nearest(WIDE, queries, k, **filters)]  # type: ignore[arg-type]


def test_five_thousand_vectors_are_found_by_the_index(
    indexed: Gallery, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, queries, exact = unit(5000, 64), unit(50, 64, seed=1), MatrixVectors(database)
    engine = indexed.vectors
    assert isinstance(engine, PgVectors)
    indexed.hang(names(500), rows[:500], WIDE)
    assert rows_of_index(database, WIDE) == 500
    with engine.bulk(WIDE):
        assert rows_of_index(database, WIDE) is None
        indexed.hang(names(5000)[500:], rows[500:], WIDE)
    assert rows_of_index(database, WIDE) == 5000
    indexed.see(names(5000)[::9], "gull")
    assert recall(searched(engine, queries), searched(exact, queries)) >= 0.98
    seen = searched(exact, queries, objects=["gull"])
    # So many pictures pass that the index is walked with the filter.
    assert recall(searched(engine, queries, objects=["gull"]), seen) >= 0.98
    assert recall(searched(engine, queries, among=names(5000)[::9]), seen) >= 0.98
    with monkeypatch.context() as patched:
        patched.setattr(pgvector, "_SELECTIVE", 5000)
        # So few that each is compared: exactly the nearest.
        assert searched(engine, queries, objects=["gull"]) == seen
        assert searched(engine, queries, among=names(5000)[::9]) == seen
    for approximate, precise in zip(engine.nearest(WIDE, queries, 3), exact.nearest(WIDE, queries, 3), strict=True):
        assert approximate[0] == precise[0]
    with database.read() as connection:
        table = IndexTable(database, WIDE, "public")
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        assert len(table.nearest(connection, queries[0], 40, [], None)) == 40


def test_the_index_follows_what_is_written_replaced_and_deleted(indexed: Gallery, database: Database) -> None:
    rows = unit(600, 64)
    for start in range(0, 400, 100):
        indexed.hang(names(600)[start : start + 100], rows[start : start + 100], WIDE)
    assert rows_of_index(database, WIDE) == 400
    indexed.hang(["picture 00399"], rows[500:501], WIDE)
    assert rows_of_index(database, WIDE) == 400
    assert ids(indexed.vectors.nearest(WIDE, rows[500:501], 1)[0]) == ["picture 00399"]
    assert ids(indexed.vectors.nearest(WIDE, rows[399:400], 10)[0]) == indexed.exhaustive(rows[399], 10)
    indexed.take_down(names(600)[350:400])
    assert ids(indexed.vectors.nearest(WIDE, rows[399:400], 10)[0]) == indexed.exhaustive(rows[399], 10)
    assert indexed.vectors.mend() == [WIDE.key]
    assert indexed.vectors.mend() == []
    assert rows_of_index(database, WIDE) == 350
    assert indexed.vectors.drop(WIDE.key) == 350
    assert rows_of_index(database, WIDE) is None


def test_what_another_engine_wrote_is_found_at_once_and_indexed_by_mending(database: Database) -> None:
    memory, engine = MatrixVectors(database), choose(database)
    assert engine.engine == "pgvector"
    rows = unit(1300, 64)
    gallery = Gallery(database, memory)
    gallery.hang(names(1300)[:1200], rows[:1200], WIDE)
    gallery.vectors = engine
    # Too many to be indexed in passing.
    gallery.hang(names(1300)[1200:1210], rows[1200:1210], WIDE)
    assert rows_of_index(database, WIDE) is None
    assert engine.nearest(WIDE, rows[:5], 30) == memory.nearest(WIDE, rows[:5], 30)
    assert engine.mend() == [WIDE.key]
    assert rows_of_index(database, WIDE) == 1210
    assert engine.mend() == []
    gallery.vectors = memory
    gallery.hang(names(1300)[1210:1250], rows[1210:1250], WIDE)
    gallery.vectors = engine
    gallery.hang(names(1300)[1250:1260], rows[1250:1260], WIDE)
    assert rows_of_index(database, WIDE) == 1210
    assert engine.nearest(WIDE, rows[1200:1260], 1) == memory.nearest(WIDE, rows[1200:1260], 1)
    assert engine.mend() == [WIDE.key]
    assert rows_of_index(database, WIDE) == 1260
    assert engine.nearest(WIDE, rows[1200:1260], 1) == memory.nearest(WIDE, rows[1200:1260], 1)


def test_nothing_put_or_deleted_beside_a_rebuilding_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_table, "_FEW", 5)
    engine = choose(database, "pgvector")
    rows = unit(3000, 64)
    gallery = Gallery(database, MatrixVectors(database))
    gallery.hang(names(3000)[:2000], rows[:2000], WIDE)
    gallery.vectors = engine
    over, faults = threading.Event(), list[BaseException]()

    def keep_writing() -> None:
        try:
            for at in range(2000, 3000, 10):
                gallery.hang(names(3000)[at : at + 10], rows[at : at + 10], WIDE)
                gallery.take_down([f"picture {at - 2000:05d}", f"picture {at - 1:05d}"])
                if over.is_set():
                    break
        except BaseException as fault:  # noqa: BLE001 - told in the main thread
            faults.append(fault)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    assert engine.mend() == [WIDE.key]
    over.set()
    writer.join()
    assert faults == []
    assert len(gallery.known) > 1900
    engine.mend()
    assert engine.mend() == []
    assert rows_of_index(database, WIDE) == len(gallery.known) == engine.count(WIDE)


def test_two_who_mend_at_once_build_one_index(database: Database) -> None:
    gallery = Gallery(database, MatrixVectors(database))
    gallery.hang(names(1500), unit(1500, 64), WIDE)
    built: list[list[str]] = []
    threads = [threading.Thread(target=lambda: built.append(choose(database).mend())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(built) == [[], [], [WIDE.key]]
    assert rows_of_index(database, WIDE) == 1500


def test_searching_goes_on_while_indexes_come_and_go(database: Database) -> None:
    engine = choose(database, "pgvector")
    gallery = Gallery(database, engine)
    rows, over, faults = unit(800, 64), threading.Event(), list[BaseException]()
    gallery.hang(names(800), rows, WIDE)

    def keep_searching() -> None:
        try:
            while not over.is_set():
                assert [hits[0].image_id for hits in engine.nearest(WIDE, rows[:5], 1)] == names(5)
        except BaseException as fault:  # noqa: BLE001 - told in the main thread
            faults.append(fault)

    threads = [threading.Thread(target=keep_searching) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        with engine.bulk(WIDE):
            pass
    over.set()
    for thread in threads:
        thread.join()
    assert faults == []


def test_vectors_too_long_for_the_index_are_compared_one_by_one(database: Database) -> None:
    space, engine = Space("picture", "long", "1", 4096), choose(database, "pgvector")
    gallery, rows = Gallery(database, engine), unit(30, 4096)
    gallery.hang(names(30), rows, space)
    assert ids(engine.nearest(space, rows[3:4], 5)[0]) == gallery.exhaustive(rows[3], 5)
    assert engine.mend() == []
    assert rows_of_index(database, space) is None


def test_a_space_moves_from_one_engine_to_the_other(database: Database, sqlite_database: Database) -> None:
    here, there = Gallery(database, choose(database)), Gallery(sqlite_database, choose(sqlite_database))
    assert (here.vectors.engine, there.vectors.engine) == ("pgvector", "memory")
    here.hang(names(300), unit(300))
    for found, matrix in here.vectors.scan(SPACE, batch=77):
        there.hang(found, matrix)
    queries = unit(20, seed=3)
    assert there.vectors.nearest(SPACE, queries, 10) == here.vectors.nearest(SPACE, queries, 10)


def test_pgvector_where_it_cannot_be_is_refused_in_a_sentence(sqlite_database: Database) -> None:
    with pytest.raises(StorageFailure, match=r"needs PostgreSQL with the extension vector"):
        choose(sqlite_database, "pgvector")
    assert isinstance(choose(sqlite_database), MatrixVectors)


def test_memory_may_be_chosen_on_postgresql(database: Database) -> None:
    assert isinstance(choose(database, "memory"), MatrixVectors)
