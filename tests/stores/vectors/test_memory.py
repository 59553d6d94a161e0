"""What the embedded engine holds in memory: as much as it may, as long as it is used, and no more than lives."""

from __future__ import annotations

import time

import pytest

from imagequarry.domain.described import Space
from imagequarry.stores.database import Database
from imagequarry.stores.vectors import MatrixVectors, held, memory
from tests.stores.vectors.gallery import SPACE, Gallery, ids, names, unit

OTHER = Space("text", "words", "1", SPACE.dimension)
ROW = held.row_bytes(SPACE)


@pytest.fixture
def filled(sqlite_database: Database) -> Gallery:
    gallery = Gallery(sqlite_database, MatrixVectors(sqlite_database))
    gallery.hang(names(400), unit(400))
    gallery.hang(names(300), unit(400)[:300], OTHER)
    gallery.known.update(zip(names(400), unit(400), strict=True))
    return gallery


def test_the_space_searched_least_lately_makes_room(filled: Gallery) -> None:
    engine = MatrixVectors(filled.database, max_bytes=500 * ROW)
    for space, rows in ((SPACE, 400), (OTHER, 300), (SPACE, 400)):
        assert len(engine.nearest(space, unit(1), 1000)[0]) == rows
        assert engine.nbytes == rows * ROW


def test_a_space_that_is_too_large_is_searched_all_the_same(filled: Gallery) -> None:
    engine, roomy = MatrixVectors(filled.database, max_bytes=100 * ROW), MatrixVectors(filled.database)
    filled.see(names(400)[::9], "elk")
    queries = unit(5, seed=3)
    assert engine.nearest(SPACE, queries, 20) == roomy.nearest(SPACE, queries, 20)
    assert engine.nearest(SPACE, queries, 20, objects=["elk"]) == roomy.nearest(SPACE, queries, 20, objects=["elk"])
    assert (engine.nbytes, roomy.nbytes) == (0, 400 * ROW)


def test_what_nobody_searches_is_given_back(filled: Gallery) -> None:
    engine = MatrixVectors(filled.database, idle_seconds=0.05)
    engine.nearest(SPACE, unit(1), 1)
    assert engine.nbytes == 400 * ROW
    time.sleep(0.1)
    engine.nearest(OTHER, unit(1), 1)
    assert engine.nbytes == 300 * ROW
    time.sleep(0.1)
    engine.give_back()
    assert engine.nbytes == 0
    assert len(engine.nearest(SPACE, unit(1), 1000)[0]) == 400
    engine.close()
    assert engine.nbytes == 0


def test_memory_shrinks_when_many_rows_are_gone(filled: Gallery) -> None:
    engine = MatrixVectors(filled.database)
    engine.nearest(SPACE, unit(1), 1)
    filled.take_down(names(400)[:150])
    assert ids(engine.nearest(SPACE, unit(1), 400)[0]) == filled.exhaustive(unit(1)[0], 400)
    assert engine.nbytes == 250 * ROW
    # The newest rows go: what is left is still found, and what comes later too.
    filled.take_down(names(400)[350:])
    filled.hang(names(3, "later"), unit(3, seed=8))
    assert ids(engine.nearest(SPACE, unit(1), 400)[0]) == filled.exhaustive(unit(1)[0], 400)


def test_rows_beyond_one_chunk_are_found(filled: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "CHUNK", 64)
    engine = MatrixVectors(filled.database)
    filled.see(names(400)[::2], "half")
    filled.see(names(400)[::50], "few")
    for turn in range(4):
        query = unit(1, seed=turn)
        assert ids(engine.nearest(SPACE, query, 50)[0]) == filled.exhaustive(query[0], 50)
        for name, step in (("half", 2), ("few", 50)):
            seen = [id for id in names(400)[::step] if id in filled.known]
            assert ids(engine.nearest(SPACE, query, 9, objects=[name])[0]) == filled.exhaustive(query[0], 9, seen)
        filled.take_down(names(400)[turn * 60 : turn * 60 + 40])
        filled.hang(names(50, f"turn {turn}"), unit(50, seed=10 + turn))


def test_a_broad_filter_gives_the_exact_best_whether_or_not_the_nearest_pass(
    filled: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_MANY", 10)
    engine, queries = MatrixVectors(filled.database), unit(10, seed=3)
    half = names(400)[::2]
    filled.see(half, "half")
    for query, hits in zip(queries, engine.nearest(SPACE, queries, 10, objects=["half"]), strict=True):
        assert ids(hits) == filled.exhaustive(query, 10, half)
    # Only the farthest pictures show it.
    far = filled.exhaustive(queries[0], 400)[300:]
    filled.see(far, "far")
    assert ids(engine.nearest(SPACE, queries[:1], 10, objects=["far"])[0]) == far[:10]
    assert ids(engine.nearest(SPACE, queries[:1], 30, objects=["far"], offset=80)[0]) == far[80:]
    filled.take_down(half[:150])
    for query, hits in zip(queries, engine.nearest(SPACE, queries, 10, objects=["half"]), strict=True):
        assert ids(hits) == filled.exhaustive(query, 10, half)
