"""What was said of pictures is kept as it was said, listed and filtered, whoever stored the picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import event

from imagequarry.domain.described import Description
from imagequarry.domain.describing import Tag
from imagequarry.errors import ImageNotFound, InvalidInput
from imagequarry.stores.database import Database
from imagequarry.stores.description_scans import DescriptionScans
from imagequarry.stores.descriptions import Descriptions, keep
from imagequarry.stores.library import Library
from imagequarry.stores.tables import vectors
from tests.stores.gallery import Gallery, description
from tests.stores.samples import image


def describe(database: Database, id: str, said: Description) -> None:
    with database.write() as connection:
        keep(connection, id, said)


def listed(database: Database, **filters: object) -> list[str]:
    found = Descriptions(database)
    page = found.page(**filters)  # type: ignore[arg-type]
    assert found.count(**filters) == len(page)  # type: ignore[arg-type]
    return [shown.image.id for shown in page]


def test_a_description_comes_back_as_it_was_given(library: Library, database: Database) -> None:
    library.add(image("a", filename="sea.png"), b"picture")
    moment = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
    tags = (Tag("sea", 0.9), Tag("café", 0.4))
    said = Description("a café by the sea", tags, "blip", "clip", "sea.png", bytes(range(32)), moment)
    describe(database, "a", said)
    assert Descriptions(database).get("a").description == said
    again = replace(said, caption="a boat", objects=(Tag("boat", 0.5), Tag("sea", 0.1)), perceptual_hash=None)
    describe(database, "a", again)
    assert Descriptions(database).get("a").description == again


def test_a_picture_without_a_description_is_shown_as_well(library: Library, database: Database) -> None:
    picture = image("a", origin="sam2")
    library.add(picture, b"picture")
    found = Descriptions(database)
    shown = found.get("a")
    assert (shown.image, shown.file, shown.description) == (picture, None, None)
    assert found.captions(["a"]) == {}
    assert found.file_of("a") is None
    for unknown in ("b", "", "a\0", "\ud800", "x" * 1000):
        with pytest.raises(ImageNotFound):
            found.get(unknown)
        with pytest.raises(ImageNotFound):
            found.file_of(unknown)
        with pytest.raises(ImageNotFound):
            describe(database, unknown, description())


def test_objects_are_kept_in_lower_case_and_once_the_surest_first(library: Library, database: Database) -> None:
    library.add(image("a"), b"picture")
    tags = (
        Tag("dog", np.float32(0.25)),  # type: ignore[arg-type]
        Tag("  Traffic \n Light", 0.75),
        Tag("DOG", 0.5),
        Tag(" ", 1),
        Tag("x" * 500, 0),
    )
    describe(database, "a", Description("", tags, "c", "t"))
    said = Descriptions(database).get("a").description
    assert said is not None
    assert said.objects == (Tag("traffic light", 0.75), Tag("dog", 0.5), Tag("x" * 128, 0))


def test_a_caption_of_any_characters_is_kept_without_those_no_database_bears(
    library: Library, database: Database
) -> None:
    library.add(image("a"), b"picture")
    describe(database, "a", description("a\0b \ud800 'c\" 日落\n" + "d" * 10_000, "nul\0", "\udfff"))
    said = Descriptions(database).get("a").description
    assert said is not None
    assert said.caption.startswith("a b   'c\" 日落 ddd")
    assert len(said.caption) == 4096
    assert [tag.name for tag in said.objects] == ["nul"]
    with pytest.raises(InvalidInput, match="32 bytes"):
        describe(database, "a", description(perceptual_hash=bytes(31)))


def test_pages_hold_described_originals_the_latest_first(
    library: Library, gallery: Gallery, database: Database
) -> None:
    library.add(image("undescribed", b"1"), b"1")
    library.add(image("mask", b"2", kind="mask"), b"2")
    with pytest.raises(InvalidInput, match="Masks"):
        describe(database, "mask", description("a mask"))
    for number in range(5):
        gallery.hang(str(number), f"/{number}.png")
    gallery.hang("again", "/0.png", "said again")
    assert listed(database) == ["4", "3", "2", "1", "0"]
    found = Descriptions(database)
    assert [shown.image.id for shown in found.page(2, 1)] == ["3", "2"]
    assert found.page(0) == found.page(10, 10) == found.page(-5) == []
    assert len(found.page(10**30, -1)) == 5


def test_any_of_the_objects_is_enough_and_only_whole_names_count(gallery: Gallery, database: Database) -> None:
    gallery.hang("a", "/a.png", "", "cat", "sofa")
    gallery.hang("b", "/b.png", "", "Dog", "Sofa")
    gallery.hang("c", "/c.png", "", "cattle", "100%")
    assert listed(database, objects=["CAT"]) == ["a"]
    assert listed(database, objects=["cat", " dog "]) == ["b", "a"]
    assert listed(database, objects=["sofa"]) == ["b", "a"]
    assert listed(database, objects=["%", "ca_", "cat%", "", "\0", "\ud800", "'"]) == []
    assert listed(database, objects=["100%"]) == ["c"]
    found = Descriptions(database)
    assert sorted(found.ids_with_objects(["cat", "dog", "sofa"])) == ["a", "b"]
    assert found.object_counts(2) == [("sofa", 2), ("100%", 1)]


def test_only_what_lies_in_a_folder_is_found_below_it(gallery: Gallery, database: Database) -> None:
    paths = {
        "in": "/p/100%_/a.png",
        "deep": "/p/100%_/b/c.png",
        "wild": "/p/100xx/a.png",
        "case": "/P/100%_/a.png",
        "before": "/p/100%_.png",
        "after": "/p/100%_2/a.png",
        "quote": "/p/it's\\here/日落 👩‍👩‍👧/a.png",
    }
    for id, path in paths.items():
        gallery.hang(id, path)
    found = Descriptions(database)
    assert found.ids_below("/p/100%_") == found.ids_below("/p/100%_/") == ["in", "deep"]
    assert found.ids_below("/p/100%_", recursive=False) == ["in"]
    assert found.ids_below("/p", recursive=False) == ["before"]
    assert found.ids_below("/p/it's\\here") == ["quote"]
    assert found.ids_below("/p/it's\\here/日落 👩‍👩‍👧", recursive=False) == ["quote"]
    assert len(found.ids_below("/")) == len(paths)
    assert found.ids_below("/p/none") == []
    assert listed(database, below="/p/100%_") == ["deep", "in"]


def test_many_pictures_take_the_queries_of_one(gallery: Gallery, database: Database) -> None:
    for number in range(30):
        gallery.hang(f"{number}", f"/{number}.png", f"caption {number}", "cat", f"object {number}")
    statements: list[str] = []
    event.listen(database._reader, "before_cursor_execute", lambda *call: statements.append(call[2]))
    found = Descriptions(database)
    ids = [
        "nobody",
        "7",
        *(str(number) for number in range(30)),
        "\ud800",
        *(f"nobody {n}" for n in range(40_000)),
        "x" * 10_000,
    ]
    shown = found.many(ids)
    assert list(shown) == ["7", *(str(number) for number in range(30) if number != 7)]
    captions = found.captions(ids)
    known = found.known_files([f"/{number}.png" for number in range(40_000)])
    assert len([line for line in statements if "SELECT" in line]) == 4
    assert captions == {str(number): f"caption {number}" for number in range(30)}
    assert {file.image.id for file in known.values()} == set(shown)
    assert all(file.described for file in known.values())
    for id, picture in shown.items():
        assert picture.description is not None
        assert [tag.name for tag in picture.description.objects] == ["cat", f"object {id}"]


def test_a_known_file_says_whether_it_changed_and_was_described(library: Library, database: Database) -> None:
    gallery, found = Gallery(library), Descriptions(database)
    gallery.hang("a", "/a.png")
    assert found.known_file("/b.png") is None
    known = found.known_file("/a.png")
    assert known is not None
    assert (known.image.id, known.file.size_bytes, known.file.modified_ns, known.described) == ("a", 7, 1, True)
    library.add_file(image("b"), replace(known.file, path="/b.png"), lambda connection, kept: None)
    bare = found.known_file("/b.png")
    assert bare is not None
    assert not bare.described


def test_scans_go_through_all_pages_and_nothing_twice(library: Library, database: Database) -> None:
    scans = DescriptionScans(database)
    for number in range(7):
        library.add(image(f"{number}", b"%d" % (number % 5)), b"%d" % (number % 5))
    everyone = [str(number) for number in range(7)]
    assert scans.undescribed() == everyone
    for number in range(6):
        hash = None if number == 2 else bytes([number] * 32)
        describe(database, f"{number}", description(perceptual_hash=hash))
    assert scans.undescribed() == ["6"]
    with database.write() as connection:
        for id, space in (("1", "text:m:1:2"), ("2", "picture:m:1:2")):
            connection.execute(vectors.insert(), {"image_id": id, "space": space, "vector": bytes(8)})
    first = scans.without_vector("text:m:1:2", 3)
    assert first == ["0", "2", "3"]
    assert scans.without_vector("text:m:1:2", 3, after=first[-1]) == ["4", "5"]
    pages = list(scans.perceptual_hashes(page=2))
    assert [ids for ids, _ in pages] == [["0", "1"], ["3", "4"], ["5"]]
    assert [hashes.shape for _, hashes in pages] == [(2, 32), (2, 32), (1, 32)]
    assert pages[1][1][0].tolist() == [3] * 32
    some = list(scans.perceptual_hashes(["5", "2", "nobody", "1", "0"], page=2))
    assert [id for ids, _ in some for id in ids] == ["5", "1", "0"]


def test_pictures_of_the_same_content_come_in_groups_with_the_oldest_first(
    library: Library, database: Database
) -> None:
    contents = {"a": b"1", "b": b"2", "c": b"1", "d": b"3", "e": b"1", "f": b"2", "undescribed": b"3"}
    for id, data in reversed(contents.items()):
        library.add(image(id, data), data)
        if id != "undescribed":
            describe(database, id, description())
    scans = DescriptionScans(database)
    assert sorted(scans.same_content()) == [["e", "c", "a"], ["f", "b"]]
    assert scans.same_content(["a", "b", "c", "nobody"]) == [["c", "a"]]
    assert scans.same_content([]) == []


def test_pictures_with_an_object_are_found_without_reading_all(sqlite_database: Database) -> None:
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, *rest):  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" | ".join(row[3] for row in cursor.fetchall()))

    found = Descriptions(sqlite_database)
    event.listen(sqlite_database._reader, "before_cursor_execute", explain)
    found.page(objects=["cat"])
    found.count(objects=["cat"])
    found.ids_with_objects(["cat"])
    assert len(plans) == 4
    for plan in plans:
        assert "SCAN descriptions" not in plan
        assert "SCAN images" not in plan
        assert "SCAN image_objects" not in plan
