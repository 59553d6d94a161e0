"""Segmentations and their masks: kept whole, read in part, gone with their picture."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from imagequarry.domain.geometry import Point
from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import Conflict, ImageNotFound, InvalidInput, JobNotFound
from imagequarry.stores.database import Database
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations
from imagequarry.stores.tables import masks
from tests.stores.samples import NOON, image, rectangle, segmentation

NESTED = (rectangle(0, 0, 40, 30), rectangle(10, 10, 10, 10), rectangle(5, 5, 25, 20), rectangle(50, 0, 10, 40))


def mask_rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(masks)).scalar_one()


@pytest.fixture
def found(database: Database) -> Segmentations:
    return Segmentations(database)


def test_a_segmentation_comes_back_as_it_was_kept(found: Segmentations) -> None:
    kept = segmentation("s", NESTED, complete=False, error="Stopped ü", state="failed", created_at=NOON)
    found.add(kept)
    assert found.get("s") == kept
    assert found.get("s", with_masks=False) == replace(kept, candidates=())


def test_an_error_text_is_kept_whatever_it_holds(found: Segmentations) -> None:
    found.add(segmentation("s", error="device\0 lost \ud800", state="failed"))
    assert found.get("s").error == "device lost ?"


def test_numbers_of_numpy_are_kept_as_plain_numbers(found: Segmentations) -> None:
    odd = replace(NESTED[0], predicted_iou=np.float32(0.5), point=Point(np.float32(1.5), np.int64(2)))  # type: ignore[arg-type]
    found.add(segmentation("s", (odd,)))
    back = found.get("s").candidates[0]
    assert (back.predicted_iou, back.point) == (0.5, Point(1.5, 2))
    assert type(back.predicted_iou) is float


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_refused_and_nothing_is_kept(
    score: float, found: Segmentations, database: Database
) -> None:
    with pytest.raises(InvalidInput):
        found.add(segmentation("s", (*NESTED, rectangle(0, 0, 1, 1, score))))
    with pytest.raises(JobNotFound):
        found.get("s")
    assert mask_rows(database) == 0


def test_a_mask_of_another_size_is_refused(found: Segmentations) -> None:
    with pytest.raises(InvalidInput, match="size"):
        found.add(segmentation("s", NESTED, width=61))


def test_an_empty_mask_and_no_masks_at_all_are_kept(found: Segmentations) -> None:
    found.add(segmentation("empty", (rectangle(0, 0, 0, 0),)))
    found.add(segmentation("none"))
    assert found.get("empty").candidates[0].mask.area == 0
    assert found.masks_with_box_at("empty", 0, 0) == {}
    assert found.get("none").candidates == ()


def test_an_id_is_taken_once(found: Segmentations, database: Database) -> None:
    found.add(segmentation("s", NESTED))
    with pytest.raises(Conflict):
        found.add(segmentation("s", NESTED[:1]))
    assert mask_rows(database) == len(NESTED)


def test_a_segmentation_of_a_picture_that_is_gone_is_refused(found: Segmentations) -> None:
    with pytest.raises(ImageNotFound):
        found.add(segmentation("s", image_id="gone"))


@pytest.mark.parametrize("id", ["gone", "", "a\0b", "\ud800", "'; DROP TABLE masks; --", "x" * 10_000])
def test_an_id_that_names_nothing_finds_nothing(id: str, found: Segmentations) -> None:
    found.add(segmentation("s", NESTED))
    with pytest.raises(JobNotFound):
        found.get(id)
    with pytest.raises(JobNotFound):
        found.delete(id)
    assert found.masks(id, [0]) == {}
    assert found.masks_with_box_at(id, 1, 1) == {}
    assert len(found.get("s").candidates) == len(NESTED)


def test_chosen_masks_come_back_by_position(found: Segmentations) -> None:
    found.add(segmentation("s", NESTED))
    chosen = found.masks("s", [3, 1, 1, 99, -1, 2**40])
    assert chosen == {1: NESTED[1], 3: NESTED[3]}
    assert found.masks("s", []) == {}
    assert found.masks("s", range(100_000)) == dict(enumerate(NESTED))


def test_masks_at_a_pixel_come_smallest_first_and_only_where_their_box_holds_it(found: Segmentations) -> None:
    found.add(segmentation("s", NESTED))
    assert list(found.masks_with_box_at("s", 12, 12)) == [1, 2, 0]
    assert list(found.masks_with_box_at("s", 19, 19)) == [1, 2, 0]
    assert list(found.masks_with_box_at("s", 20, 19)) == [2, 0]
    assert list(found.masks_with_box_at("s", 59, 39)) == [3]
    for x, y in ((60, 0), (-1, 0), (0, 40), (45, 5), (2**70, 0), (0, -(2**70))):
        assert found.masks_with_box_at("s", x, y) == {}


def test_the_newest_segmentation_of_a_picture_is_found_by_operation_too(found: Segmentations, library: Library) -> None:
    library.add(image("a"), b"picture")
    assert found.latest_of_image("a") is None
    old = segmentation("old", NESTED, image_id="a", created_at=NOON)
    new = segmentation("new", NESTED[:1], image_id="a", created_at=NOON + timedelta(hours=1), operation="box")
    found.add(new)
    found.add(old)
    assert found.latest_of_image("a") == new
    assert found.latest_of_image("a", operation="stored") == old
    assert found.latest_of_image("a", operation="single") is None


def test_masks_go_with_their_segmentation_and_segmentations_with_their_picture(
    found: Segmentations, library: Library, database: Database
) -> None:
    library.add(image("a"), b"picture")
    found.add(segmentation("of a", NESTED, image_id="a"))
    found.add(segmentation("of none", NESTED[:2]))
    found.add(segmentation("more of a", NESTED, image_id="a"))
    found.delete("of a")
    assert mask_rows(database) == len(NESTED) + 2
    library.delete("a")
    assert mask_rows(database) == 2
    with pytest.raises(JobNotFound):
        found.get("more of a")
    assert len(found.get("of none").candidates) == 2


@pytest.mark.alone
def test_a_thousand_masks_are_kept_and_read_in_well_under_a_second(found: Segmentations) -> None:
    many: tuple[Candidate, ...] = NESTED * 250
    begun = time.perf_counter()
    found.add(segmentation("s", many))
    assert len(found.get("s").candidates) == 1000
    assert time.perf_counter() - begun < 1.5
