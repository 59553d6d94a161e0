"""What every engine must do, over every database it runs on."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Connection

from imagequarry.domain.described import Space
from imagequarry.errors import ImageNotFound, InvalidInput
from imagequarry.stores.vectors import Matrix, Vectors
from tests.stores.vectors.gallery import SPACE, Gallery, ids, names, unit


def test_what_is_written_is_found_at_once(gallery: Gallery) -> None:
    rows = unit(200)
    gallery.hang(names(100), rows[:100])
    assert ids(gallery.vectors.nearest(SPACE, rows[:1], 1)[0]) == ["picture 00000"]
    gallery.hang(["one more"], rows[150:151])
    (hit, *_), *_ = gallery.vectors.nearest(SPACE, rows[150:151], 3)
    assert hit.image_id == "one more"
    assert hit.score == pytest.approx(1.0, abs=1e-6)


def test_the_nearest_come_first_with_their_cosines(gallery: Gallery) -> None:
    rows, queries = unit(500), unit(20, seed=1)
    gallery.hang(names(500), rows)
    found = gallery.vectors.nearest(SPACE, queries, 10)
    assert [ids(hits) for hits in found] == [gallery.exhaustive(query, 10) for query in queries]
    for hits, query in zip(found, queries, strict=True):
        for hit in hits:
            assert hit.score == pytest.approx(float(gallery.known[hit.image_id] @ query), abs=1e-6)


def test_many_queries_at_once_find_what_each_finds_alone(gallery: Gallery) -> None:
    queries = unit(150, seed=1)
    gallery.hang(names(300), unit(300))
    alone = [gallery.vectors.nearest(SPACE, query[None], 5)[0] for query in queries]
    assert gallery.vectors.nearest(SPACE, queries, 5) == alone


def test_a_new_vector_takes_the_place_of_the_old_one(gallery: Gallery) -> None:
    rows = unit(60)
    gallery.hang(names(50), rows[:50])
    gallery.vectors.nearest(SPACE, rows[:1], 1)
    gallery.hang(["picture 00007"], rows[55:56])
    assert ids(gallery.vectors.nearest(SPACE, rows[55:56], 1)[0]) == ["picture 00007"]
    assert ids(gallery.vectors.nearest(SPACE, rows[7:8], 50)[0]) == gallery.exhaustive(rows[7], 50)
    assert gallery.vectors.count(SPACE) == 50


def test_the_last_of_two_vectors_for_one_picture_counts(gallery: Gallery) -> None:
    rows = unit(2)
    gallery.hang(["twice"], rows[:1])
    with gallery.database.write() as connection:
        gallery.vectors.put(connection, SPACE, [("twice", rows[0]), ("twice", rows[1])])
    assert np.array_equal(gallery.vectors.fetch(SPACE, ["twice"])["twice"], rows[1])


def test_vectors_go_with_their_pictures_and_the_next_best_move_up(gallery: Gallery) -> None:
    rows = unit(400)
    gallery.hang(names(400), rows)
    for _ in range(6):
        found = gallery.vectors.nearest(SPACE, rows[:1], 30)[0]
        assert ids(found) == gallery.exhaustive(rows[0], 30)
        gallery.take_down(ids(found))
    assert gallery.vectors.count(SPACE) == 220


def test_a_space_that_lost_most_of_its_pictures_finds_the_others(gallery: Gallery) -> None:
    rows = unit(600)
    gallery.hang(names(600), rows)
    gallery.vectors.nearest(SPACE, rows[:1], 10)
    gallery.take_down(names(550))
    assert ids(gallery.vectors.nearest(SPACE, rows[:1], 100)[0]) == gallery.exhaustive(rows[0], 100)
    gallery.hang(names(100, "later"), unit(100, seed=3))
    assert ids(gallery.vectors.nearest(SPACE, rows[:1], 100)[0]) == gallery.exhaustive(rows[0], 100)


def test_a_rare_object_gives_the_exact_best_of_those_that_show_it(gallery: Gallery) -> None:
    rows, queries = unit(2000), unit(10, seed=5)
    gallery.hang(names(2000), rows)
    rare, other = names(2000)[3::200], names(2000)[5::100]
    gallery.see(rare, "heron")
    gallery.see(other, "fox")
    for query, hits in zip(queries, gallery.vectors.nearest(SPACE, queries, 5, objects=["heron"]), strict=True):
        assert ids(hits) == gallery.exhaustive(query, 5, rare)
    for query, hits in zip(queries, gallery.vectors.nearest(SPACE, queries, 9, objects=["heron", "fox"]), strict=True):
        assert ids(hits) == gallery.exhaustive(query, 9, rare + other)
    assert gallery.vectors.nearest(SPACE, queries[:2], 5, objects=["unicorn", "nu\0l", "\ud800"]) == [[], []]


def test_an_object_that_most_pictures_show_filters_as_well(gallery: Gallery) -> None:
    rows, query = unit(500), unit(1, seed=5)
    gallery.hang(names(500), rows)
    most = [name for number, name in enumerate(names(500)) if number % 5]
    gallery.see(most, "sky")
    assert ids(gallery.vectors.nearest(SPACE, query, 20, objects=["sky"])[0]) == gallery.exhaustive(query[0], 20, most)


def test_only_the_named_pictures_are_compared(gallery: Gallery) -> None:
    query = unit(1, seed=5)
    gallery.hang(names(300), unit(300))
    among = [*names(300)[::7], "nobody", "control\x07", ""]
    assert ids(gallery.vectors.nearest(SPACE, query, 10, among=among)[0]) == gallery.exhaustive(query[0], 10, among)
    assert gallery.vectors.nearest(SPACE, query, 10, among=[]) == [[]]
    gallery.see(names(300)[:14], "oak")
    both = gallery.vectors.nearest(SPACE, query, 10, among=set(among), objects=["oak"])[0]
    assert ids(both) == gallery.exhaustive(query[0], 10, names(300)[:14:7])


def test_a_least_score_cuts_the_list(gallery: Gallery) -> None:
    query = unit(1, seed=5)
    gallery.hang(names(300), unit(300))
    everything = gallery.vectors.nearest(SPACE, query, 300)[0]
    floor = everything[41].score
    assert gallery.vectors.nearest(SPACE, query, 300, min_score=floor)[0] == everything[:42]
    assert gallery.vectors.nearest(SPACE, query, 10, min_score=floor, offset=40)[0] == everything[40:42]
    assert gallery.vectors.nearest(SPACE, query, 10, min_score=1.5) == [[]]


def test_pages_are_parts_of_one_list(gallery: Gallery) -> None:
    query = unit(1, seed=5)
    gallery.hang(names(100), np.repeat(unit(25), 4, axis=0))
    whole = gallery.vectors.nearest(SPACE, query, 100)[0]
    pages = [gallery.vectors.nearest(SPACE, query, 7, offset=offset)[0] for offset in range(0, 105, 7)]
    assert [hit for page in pages for hit in page] == whole
    assert len(whole) == 100


def test_equal_scores_are_in_the_order_of_the_ids(gallery: Gallery) -> None:
    row = unit(1)
    shuffled = [names(200)[i] for i in np.random.default_rng(0).permutation(200)]
    gallery.hang(shuffled, np.repeat(row, 200, axis=0))
    gallery.hang(names(50, "other"), unit(50, seed=2))
    assert ids(gallery.vectors.nearest(SPACE, row, 20)[0]) == names(20)
    assert ids(gallery.vectors.nearest(SPACE, row, 20, offset=100)[0]) == names(200)[100:120]


def test_asking_for_more_than_there_is_gives_all(gallery: Gallery) -> None:
    gallery.hang(names(30), unit(30))
    gallery.see(names(7), "owl")
    assert len(gallery.vectors.nearest(SPACE, unit(1), 10**12)[0]) == 30
    assert len(gallery.vectors.nearest(SPACE, unit(1), 10**30, objects=["owl"])[0]) == 7
    assert gallery.vectors.nearest(SPACE, unit(1), 10, offset=10**30) == [[]]
    assert gallery.vectors.nearest(SPACE, unit(1), 10, offset=30) == [[]]


def test_an_empty_store_answers_with_nothing(vectors: Vectors) -> None:
    assert vectors.nearest(SPACE, unit(2), 10) == [[], []]
    assert vectors.nearest(SPACE, unit(1), 10, objects=["tree"], among=["a"]) == [[]]
    assert vectors.fetch(SPACE, ["a", "b"]) == {}
    assert list(vectors.scan(SPACE)) == []
    assert (vectors.count(SPACE), vectors.spaces(), vectors.drop(SPACE.key)) == (0, {}, 0)
    assert vectors.mend() == []


def test_no_pictures_or_no_queries_are_wanted(gallery: Gallery) -> None:
    gallery.hang(names(5), unit(5))
    assert gallery.vectors.nearest(SPACE, unit(3), 0) == [[], [], []]
    assert gallery.vectors.nearest(SPACE, unit(3)[:0], 5) == []


@pytest.mark.parametrize("other", [Space("text", "looks", "1", 32), Space("picture", "looks", "2", 32)])
def test_two_spaces_never_mix(gallery: Gallery, other: Space) -> None:
    rows = unit(40)
    gallery.hang(names(20), rows[:20])
    gallery.hang(names(10), rows[20:30], other)
    assert len(gallery.vectors.nearest(SPACE, rows[:1], 100)[0]) == 20
    assert len(gallery.vectors.nearest(other, rows[:1], 100)[0]) == 10
    assert gallery.vectors.spaces() == {SPACE.key: 20, other.key: 10}
    assert np.array_equal(gallery.vectors.fetch(other, ["picture 00000"])["picture 00000"], rows[20])
    assert gallery.vectors.drop(other.key) == 10
    assert gallery.vectors.nearest(other, rows[:1], 5) == [[]]
    assert gallery.vectors.spaces() == {SPACE.key: 20}
    assert len(gallery.vectors.nearest(SPACE, rows[:1], 100)[0]) == 20


def test_a_transaction_that_fails_leaves_nothing(gallery: Gallery) -> None:
    gallery.hang(names(5), unit(5))
    new = unit(1, seed=4)[0]
    with pytest.raises(ImageNotFound), gallery.database.write() as connection:
        _put_one_after_another(gallery.vectors, connection, [(names(1)[0], new), ("nobody", new)])
    assert ids(gallery.vectors.nearest(SPACE, new[None], 10)[0]) == gallery.exhaustive(new, 10)


def _put_one_after_another(vectors: Vectors, connection: Connection, items: list[tuple[str, Matrix]]) -> None:
    for item in items:
        vectors.put(connection, SPACE, [item])


def test_a_vector_needs_a_picture(gallery: Gallery) -> None:
    for id in ("nobody", "", "control\x07", "long" * 100):
        with pytest.raises(ImageNotFound), gallery.database.write() as connection:
            gallery.vectors.put(connection, SPACE, [(id, unit(1)[0])])
    assert gallery.vectors.count(SPACE) == 0


def _bad_vectors() -> dict[str, object]:
    good = unit(1)[0]
    wrong = {
        "nan": good.copy(),
        "infinite": good.copy(),
        "long": 1.01 * good,
        "zero": 0 * good,
        "huge": 1e300 * good.astype(float),
    }
    wrong["nan"][3], wrong["infinite"][3] = np.nan, np.inf
    return {**wrong, "short": good[:31], "flat": good[0], "deep": good[None], "words": ["a"] * 32, "nothing": []}


@pytest.mark.parametrize("name", _bad_vectors())
def test_a_vector_that_cannot_be_compared_is_refused(gallery: Gallery, name: str) -> None:
    bad = _bad_vectors()[name]
    gallery.hang(names(5), unit(5))
    with pytest.raises(InvalidInput), gallery.database.write() as connection:
        gallery.vectors.put(connection, SPACE, [(names(5)[0], unit(1, seed=4)[0]), (names(5)[1], bad)])  # type: ignore[list-item]
    assert np.array_equal(gallery.vectors.fetch(SPACE, names(1))[names(1)[0]], unit(5)[0])
    with pytest.raises(InvalidInput):
        gallery.vectors.nearest(SPACE, [bad], 3)  # type: ignore[arg-type]


def test_a_wish_that_makes_no_sense_is_refused(vectors: Vectors) -> None:
    with pytest.raises(InvalidInput):
        vectors.nearest(SPACE, unit(1), -1)
    with pytest.raises(InvalidInput):
        vectors.nearest(SPACE, unit(1), 1, offset=-1)
    with pytest.raises(InvalidInput):
        vectors.nearest(SPACE, unit(1), 1, min_score=float("nan"))


def test_everything_can_be_read_batch_by_batch(gallery: Gallery) -> None:
    gallery.hang(names(100), unit(100))
    batches = list(gallery.vectors.scan(SPACE, batch=33))
    assert [len(found) for found, _ in batches] == [33, 33, 33, 1]
    assert sorted(id for found, _ in batches for id in found) == sorted(gallery.known)
    for found, matrix in batches:
        assert np.array_equal(matrix, np.stack([gallery.known[id] for id in found]))


def test_fetching_gives_what_is_there(gallery: Gallery) -> None:
    gallery.hang(names(10), unit(10))
    found = gallery.vectors.fetch(SPACE, ["picture 00003", "nobody", "picture 00003", "\0"])
    assert found.keys() == {"picture 00003"}
    assert np.array_equal(found["picture 00003"], unit(10)[3])
