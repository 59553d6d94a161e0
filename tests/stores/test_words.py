"""Words are found in captions, objects and file names, whatever is typed, and the index follows every change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from sqlalchemy import event, text

from imagequarry.errors import StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.descriptions import keep
from imagequarry.stores.library import Library
from imagequarry.stores.words import Words
from tests.stores.gallery import Gallery, description
from tests.stores.samples import image


@pytest.fixture
def words(gallery: Gallery, database: Database) -> Words:
    gallery.hang("sea", "/IMG_sunset-beach2.jpg", "a red sky over the water", "sky", "boat", data=b"sea")
    gallery.hang("cats", "/DSC0001.JPG", "two cats playing in a café", "cat", "potted plant", data=b"cats")
    gallery.hang("dog", "/holiday.png", "a dog running on a beach", "dog", data=b"dog")
    gallery.hang(
        "street", "/日落海滩.png", "a cathedral beside a street, cat/dog", "building", "person", data=b"street"
    )
    return Words(database)


def found(words: Words, query: str, objects: Sequence[str] = (), typing: bool = False) -> set[str]:
    hits = words.search(query, objects=objects, typing=typing)
    ranks = [rank for _, rank in hits]
    assert ranks == sorted(ranks, reverse=True)
    assert all(rank > 0 for rank in ranks)
    return {id for id, _ in hits}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("sunset", {"sea"}),
        ("beach", {"sea", "dog"}),
        ("Beach2", {"sea"}),
        ("dsc0001", {"cats"}),
        ("DSC 1", {"cats"}),
        ("cat", {"cats", "street"}),
        ("a cat in the street", {"cats", "street"}),
        ("play runs", {"cats", "dog"}),
        ("cafe", {"cats"}),
        ("CAFÉ", {"cats"}),
        ("cafe\u0301", {"cats"}),
        ("plants boats", {"cats", "sea"}),
        ("海滩", {"street"}),
        ("滩海", set()),
        ("sunsets over mountains", {"sea"}),
        ("jpg", set()),
        ("elephant", set()),
    ],
)
def test_any_word_is_found_wherever_it_stands(words: Words, query: str, ids: set[str]) -> None:
    assert found(words, query) == ids


def test_a_word_is_found_while_it_is_typed(words: Words) -> None:
    for typed in ("su", "sun", "suns", "sunse", "sunset"):
        assert found(words, typed, typing=True) == {"sea"}
    for typed in ("pl", "play", "playi", "playin", "playing"):
        assert "cats" in found(words, typed, typing=True)
    assert found(words, "dog pota", typing=True) == {"dog", "street"}
    assert found(words, "dog pot", typing=True) == {"dog", "street", "cats"}
    assert found(words, "sun ", typing=True) == found(words, "sun.", typing=True) == found(words, "sun") == set()


def test_whole_words_come_before_words_that_only_begin_so_and_more_words_before_fewer(
    gallery: Gallery, database: Database
) -> None:
    for number in range(20):  # what is everywhere says little
        gallery.hang(f"filler {number}", f"/{number}.png", "something else")
    gallery.hang("one", "/x.png", "a cat", "cat", "cat food")
    gallery.hang("begins", "/y.png", "a cathedral")
    gallery.hang("both", "/z.png", "a cat and a person", "cat", "person")
    search = Words(database).search
    assert search("cat person", typing=False)[0][0] == "both"
    assert search("cat")[-1][0] == "begins"
    assert len(search("cat", 1)) == 1
    assert search("cat", 0) == []


def test_a_search_can_be_narrowed_to_objects_and_to_pictures(words: Words) -> None:
    assert found(words, "cat dog beach", objects=["Dog", "person"]) == {"dog", "street"}
    assert found(words, "cat dog", objects=["nothing"]) == set()
    assert [id for id, _ in words.search("beach", among=["dog", "cats", "nobody", "\ud800", "\0"])] == ["dog"]
    assert words.search("beach", among=[]) == []
    assert len(words.search("beach", among=[*(f"id {number}" for number in range(40_000)), "sea", "dog"])) == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        " \n\t",
        "?!.,;:'\"()*&|<->^~+-",
        "\0",
        "\ud800",
        "👩‍👩‍👧",
        "²",
        "\u0301",
        "' OR 1=1 --",
        "'; DROP TABLE images; --",
        'NEAR("a b", 5)',
        "NEAR(",
        "AND OR NOT",
        "nothing:*",
        "{filename caption} : nothing",
        "- ^nothing",
        "nothing' | !'nothing",
        "\\' \\\\",
        "%s %(query)s :query ?",
        "x" * 10_000,
        "nothing " * 2_000,
        " ".join(f"n{number}" for number in range(5_000)),
        "'" * 10_000,
        "\U0001e900 ก ا \u0e34",
    ],
)
def test_whatever_is_typed_is_only_searched_for(words: Words, query: str) -> None:
    for typing in (False, True):
        assert words.search(query, typing=typing) == []
    assert "cats" in found(words, f"cafe {query}") | found(words, f"{query} cafe")


def test_a_query_of_words_that_say_nothing_is_still_searched_for(words: Words, gallery: Gallery) -> None:
    gallery.hang("who", "/The Who.png", data=b"who")
    assert "who" in found(words, "the")
    assert found(words, "the elephant") == set()


def test_the_index_follows_every_change(words: Words, gallery: Gallery, library: Library, database: Database) -> None:
    gallery.hang("again", "/holiday.png", "a horse in a field", "horse", data=b"dog")  # said anew
    gallery.hang("new", "/DSC0001.JPG", "a train", "train", data=b"another content")  # a row in place of the old one
    library.delete("sea")
    with suppress(StorageFailure), database.write() as connection:
        keep(connection, "street", description("an elephant"))
        raise StorageFailure
    assert found(words, "cats playing running boat sunset elephant dog") == {"street"}
    assert (found(words, "horse"), found(words, "train")) == ({"dog"}, {"cats"})
    if database.is_sqlite:
        with database.write() as connection:
            for index in ("description_words", "description_beginnings"):
                # Compares the index with the rows it is of, and fails where they differ.
                connection.execute(text(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)"))


def test_many_deletions_leave_no_word_behind(database: Database, library: Library, gallery: Gallery) -> None:
    for number in range(40):
        gallery.hang(str(number), f"/{number}.png", f"caption{number} shared", "cat")
    for number in range(0, 40, 2):
        library.delete(str(number))
    ids = {id for id, _ in Words(database).search("shared", 1000)}
    assert ids == {str(number) for number in range(1, 40, 2)}
    assert Words(database).search("caption8", typing=False) == []


def test_the_search_uses_the_index_of_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.migrate()
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, *rest):  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT"):
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    event.listen(database._reader, "before_cursor_execute", explain)
    Words(database).search("red sunset")
    database.close()
    assert len(plans) == 1
    assert "Bitmap Index Scan on descriptions_words" in plans[0]


def test_a_caption_too_odd_for_a_parser_is_kept_and_found(library: Library, database: Database) -> None:
    said = "http://x.y/z?q=1 a@b.c 1.5e10 " + "w" * 3000 + " <b>bold</b> -- ' \\ cat/dog.tail well-known"
    library.add(image("a"), b"picture")
    with database.write() as connection:
        keep(connection, "a", description(said))
    for query in ("bold", "dog", "tail", "known", "z"):
        assert found(Words(database), query) == {"a"}
