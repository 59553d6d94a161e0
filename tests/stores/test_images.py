"""Reading pictures: one by one, page by page, and under names made to do harm."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest
from sqlalchemy import event

from imagequarry.errors import Conflict, ImageNotFound, InvalidInput
from imagequarry.stores.database import Database
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations
from tests.stores.samples import NOON, image, rectangle, segmentation

HOSTILE_BUT_LEGAL = [
    "'; DROP TABLE images; --",
    '" OR 1=1 --',
    "%_%",
    "../../etc/passwd",
    "猫の写真 🐈",
    "e\u0301",
    "a b",
    "task-task-1",
    "a" * 128,
]
IMPOSSIBLE = ["", "a\0b", "\0", "line\nbreak", "\ud800", "a" * 129, "a" * 10_000, "\x7f"]


def test_a_picture_comes_back_as_it_was_kept(database: Database, library: Library) -> None:
    kept = image("a", filename="Bild ü.png", kind="mask", origin="imgr", created_at=NOON)
    library.add(kept, b"picture")
    assert Images(database).get("a") == kept


def test_times_come_back_in_utc_to_the_microsecond(database: Database, library: Library) -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    library.add(image("a", created_at=tokyo), b"picture")
    found = Images(database).get("a").created_at
    assert found == NOON
    assert found.tzinfo is UTC
    assert found.isoformat() == "2026-11-21T12:00:00.123456+00:00"


@pytest.mark.parametrize("id", HOSTILE_BUT_LEGAL)
def test_an_odd_id_is_just_a_name(id: str, database: Database, library: Library) -> None:
    library.add(image("other"), b"picture")
    library.add(image(id), b"picture")
    assert Images(database).get(id).id == id
    with pytest.raises(Conflict):
        library.add(image(id), b"picture")
    library.delete(id)
    assert [listed.image.id for listed in Images(database).page()] == ["other"]


@pytest.mark.parametrize("id", IMPOSSIBLE)
def test_an_impossible_id_is_never_found_and_never_kept(id: str, database: Database, library: Library) -> None:
    library.add(image("other"), b"picture")
    with pytest.raises(ImageNotFound):
        Images(database).get(id)
    with pytest.raises(ImageNotFound):
        library.delete(id)
    with pytest.raises(InvalidInput):
        image(id)
    assert Segmentations(database).latest_of_image(id) is None
    assert Images(database).count() == 1


def test_ids_differ_by_case_and_by_unicode_form(database: Database, library: Library) -> None:
    for id in ("a", "A", "\u00e9", "e\u0301"):
        library.add(image(id), b"picture")
    assert Images(database).count() == 4
    with pytest.raises(ImageNotFound):
        Images(database).get("E\u0301")


def test_pages_run_from_the_newest_to_the_oldest_and_miss_none(database: Database, library: Library) -> None:
    for number in range(7):
        # Two at a time have the same time: their ids decide, so that no page repeats one of them.
        library.add(image(f"i{number}", created_at=NOON + timedelta(seconds=number // 2)), b"picture")
    listing = Images(database)
    ids = [listed.image.id for offset in (0, 3, 6, 9) for listed in listing.page(3, offset)]
    assert ids == ["i6", "i5", "i4", "i3", "i2", "i1", "i0"]


def test_a_page_counts_the_masks_of_the_newest_segmentation_in_one_query(database: Database, library: Library) -> None:
    found = Segmentations(database)
    masks = tuple(rectangle(x, 0, 5, 5) for x in range(4))
    for id in ("none", "one", "two"):
        library.add(image(id), b"picture")
    found.add(segmentation("s1", masks[:1], image_id="one", created_at=NOON))
    found.add(segmentation("s2", masks[:2], image_id="two", created_at=NOON))
    found.add(segmentation("s3", masks[:4], image_id="two", created_at=NOON + timedelta(1), operation="single"))
    with database.read() as connection:
        engine = connection.engine
    queries: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: queries.append(call[2]))
    counts = {listed.image.id: listed.mask_count for listed in Images(database).page()}
    assert len([query for query in queries if query.startswith("SELECT")]) == 1
    assert counts == {"none": 0, "one": 1, "two": 4}
    stored = {listed.image.id: listed.mask_count for listed in Images(database).page(operation="stored")}
    assert stored == {"none": 0, "one": 1, "two": 2}


def test_a_listing_can_be_of_one_kind_and_of_one_surface(database: Database, library: Library) -> None:
    library.add(image("a", origin="sam2"), b"picture")
    library.add(image("b", origin="quarry"), b"picture")
    library.add(image("c", origin="quarry", kind="mask"), b"picture")
    listing = Images(database)
    assert [listed.image.id for listed in listing.page(origin="sam2")] == ["a"]
    assert {listed.image.id for listed in listing.page(kind="original")} == {"a", "b"}
    assert (listing.count(), listing.count(origin="quarry"), listing.count(kind="mask", origin="sam2")) == (3, 2, 0)


@pytest.mark.parametrize(("limit", "offset", "length"), [(-1, 0, 0), (0, 0, 0), (10, 2**63, 0), (2**63, -1, 1)])
def test_a_page_beyond_all_bounds_is_merely_short(
    limit: int, offset: int, length: int, database: Database, library: Library
) -> None:
    library.add(image("a"), b"picture")
    assert len(Images(database).page(limit, offset)) == length
