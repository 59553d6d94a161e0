"""Duplicates among pictures that are kept, found through real stores with the vectors of the embedded model."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Connection

from imagequarry.capabilities.duplicates import Duplicates, perceptual_hash
from imagequarry.capabilities.intake import digest_of, open_picture
from imagequarry.capabilities.spaces import Spaces
from imagequarry.domain.described import Description, Space
from imagequarry.domain.describing import ImageEncoder
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.records import StoredImage
from imagequarry.engines.embedded.appearance import CARD, Appearance
from imagequarry.errors import InvalidInput, ModelUnavailable
from imagequarry.models.cache import ByteCache
from imagequarry.models.catalogue import Entry, Hardware
from imagequarry.models.pool import ModelPool
from imagequarry.models.registry import Registry
from imagequarry.models.weights import WeightsFolder
from imagequarry.stores import descriptions
from imagequarry.stores.database import Database
from imagequarry.stores.description_scans import DescriptionScans
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.library import Library
from imagequarry.stores.vectors import MatrixVectors
from tests.capabilities.duplicates.samples import photo, saved


class Shelf:
    """A library that pictures are put into with all that duplicates are found by."""

    def __init__(self, database: Database, library: Library, folder: Path, entries: tuple[Entry, ...]) -> None:
        self.library = library
        self.vectors = MatrixVectors(database)
        self.registry = Registry(entries, WeightsFolder(folder), ModelPool(10**9), ByteCache(0), Hardware("cpu"))
        self.spaces = Spaces(self.registry, self.vectors)
        self.duplicates = Duplicates(self.spaces, Descriptions(database), DescriptionScans(database), self.vectors)

    def put(self, name: str, data: bytes) -> str:
        """Keep and describe a picture; its id."""
        opened = open_picture(data)
        raster = opened.raster
        image = StoredImage(
            name, raster.digest, f"{name}.jpg", opened.format, raster.width, raster.height, opened.size_bytes
        )
        with self.spaces.encoder("picture") as encoder:
            assert encoder is not None
            vector, space = self._vector(encoder.leased.engine, raster), encoder.space

        def also(connection: Connection, kept: StoredImage) -> None:
            hashed = perceptual_hash(raster)
            descriptions.keep(connection, kept.id, Description("", (), "none", "none", perceptual_hash=hashed))
            self.vectors.put(connection, space, [(kept.id, vector)])

        self.library.add(image, data)
        self.library.describe(image, also)
        return name

    @staticmethod
    def _vector(engine: ImageEncoder, raster: Raster) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.asarray(engine.encode([raster])[0])


def encoded(pixels: Pixels, format: str = "JPEG", **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def shelf(database: Database, library: Library, tmp_path: Path) -> Shelf:
    shelf = Shelf(database, library, tmp_path, (Entry(CARD, lambda weights, hardware: Appearance()),))
    for name in ("coffee", "rocket", "astronaut"):
        shelf.put(name, encoded(photo(name), quality=95))
    shelf.put("coffee again", encoded(photo("coffee"), quality=95))
    shelf.put("coffee small", encoded(saved(photo("coffee"), scale=0.5), quality=70))
    shelf.put("rocket mirrored", encoded(np.ascontiguousarray(photo("rocket")[:, ::-1]), quality=90))
    shelf.put("white", encoded(np.full((300, 400, 3), 255, dtype=np.uint8)))
    shelf.put("a photograph of nothing", encoded(np.full((300, 400, 3), (20, 40, 90), dtype=np.uint8)))
    # Kept by another surface, and never described.
    data = encoded(photo("coffee"), quality=94)
    shelf.library.add(StoredImage("undescribed", digest_of(data), "x.jpg", "JPEG", 600, 400, len(data)), data)
    return shelf


def test_groups_among_all_described_pictures(shelf: Shelf) -> None:
    found = shelf.duplicates.groups()
    assert found.total_images == 8
    assert found.duplicates == 3
    coffee, rocket = found.groups
    assert coffee.representative == "coffee"
    again, small = coffee.members
    assert (again.image_id, again.score, again.tier) == ("coffee again", 1.0, "identical")
    assert (small.image_id, small.tier) == ("coffee small", "re-encoded")
    assert 0.98 < small.score < 1
    # The embedded model's vectors do not tell left from right.
    assert {rocket.representative, rocket.members[0].image_id} == {"rocket", "rocket mirrored"}
    assert rocket.members[0].tier == "similar"


def test_groups_among_some(shelf: Shelf) -> None:
    some = ["coffee small", "coffee again", "rocket", "undescribed", "gone", "coffee small"]
    found = shelf.duplicates.groups(0.9, among=some)
    assert found.total_images == 3
    assert [(g.representative, [m.image_id for m in g.members]) for g in found.groups] == [
        ("coffee again", ["coffee small"])
    ]
    assert shelf.duplicates.groups(0.9, among=[]).total_images == 0


def test_a_threshold_of_one_finds_copies_of_a_file(shelf: Shelf) -> None:
    found = shelf.duplicates.groups(1.0)
    assert [m.tier for g in found.groups for m in g.members if g.representative == "coffee"] == ["identical"]


def test_a_picture_that_is_not_kept_finds_its_duplicates_mirrored_and_turned_ones_too(shelf: Shelf) -> None:
    asked = open_picture(encoded(np.ascontiguousarray(np.rot90(photo("rocket"))), quality=80)).raster
    found = {match.image_id: match for match in shelf.duplicates.of_picture(asked)}
    assert set(found) == {"rocket", "rocket mirrored"}
    assert {match.tier for match in found.values()} == {"re-encoded"}
    # Turned clockwise the asked picture stands upright again.
    assert found["rocket"].transform == "rotated-90"
    assert found["rocket mirrored"].transform == "mirrored-rotated-270"
    assert min(match.score for match in found.values()) > 0.98


def test_a_picture_that_is_kept_finds_the_others(shelf: Shelf) -> None:
    asked = open_picture(encoded(photo("coffee"), quality=95)).raster
    found = shelf.duplicates.of_picture(asked, leave_out=["coffee"])
    assert [(match.image_id, match.tier, match.transform) for match in found] == [
        ("coffee again", "identical", "none"),
        ("coffee small", "re-encoded", "none"),
    ]
    assert [match.image_id for match in shelf.duplicates.of_picture(asked, among=["coffee small", "rocket"])] == [
        "coffee small"
    ]
    assert shelf.duplicates.of_picture(asked, among=[]) == []


def test_a_plain_picture_finds_plain_ones_by_its_vector_only(shelf: Shelf) -> None:
    asked = open_picture(encoded(np.full((90, 120, 3), 255, dtype=np.uint8), "PNG")).raster
    assert [(match.image_id, match.tier) for match in shelf.duplicates.of_picture(asked)] == [("white", "similar")]


def test_an_unlike_picture_finds_nothing(shelf: Shelf) -> None:
    assert shelf.duplicates.of_picture(open_picture(encoded(photo("clock"))).raster, 0.9) == []


@pytest.mark.parametrize("keep_first", [True, False])
def test_a_plan_keeps_the_best_and_removes_nothing(shelf: Shelf, keep_first: bool) -> None:
    plan = shelf.duplicates.removal_plan(keep_first=keep_first)
    assert plan.total_images == 8
    assert "coffee" in plan.stays
    assert {"coffee again", "coffee small"} <= set(plan.goes)
    assert set(plan.stays).isdisjoint(plan.goes)
    assert shelf.duplicates.removal_plan(keep_first=keep_first) == plan


def test_two_pictures_are_compared_with_the_model_in_use(shelf: Shelf) -> None:
    one, other = (open_picture(encoded(photo("coffee"), quality=q)).raster for q in (95, 30))
    assert shelf.duplicates.compare(one, other).verdict == "re-encoded"


def test_deleted_pictures_are_no_duplicates(shelf: Shelf) -> None:
    shelf.library.delete("coffee")
    shelf.library.delete("coffee again")
    assert {group.representative for group in shelf.duplicates.groups().groups} <= {"rocket", "rocket mirrored"}
    asked = open_picture(encoded(photo("coffee"))).raster
    assert [match.image_id for match in shelf.duplicates.of_picture(asked)] == ["coffee small"]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused_everywhere(shelf: Shelf, threshold: float) -> None:
    raster = open_picture(encoded(photo("coffee"))).raster
    for call in (
        lambda: shelf.duplicates.groups(threshold),
        lambda: shelf.duplicates.removal_plan(threshold),
        lambda: shelf.duplicates.of_picture(raster, threshold),
        lambda: shelf.duplicates.compare(raster, raster, threshold),
    ):
        with pytest.raises(InvalidInput, match="from 0 to 1"):
            call()


def test_where_no_model_makes_vectors_that_is_said(database: Database, library: Library, tmp_path: Path) -> None:
    shelf = Shelf(database, library, tmp_path, ())
    with pytest.raises(ModelUnavailable, match="vectors of pictures"):
        shelf.duplicates.groups()


def test_the_space_of_another_model_is_never_compared(shelf: Shelf, database: Database) -> None:
    other = Space("picture", "other", "1", 8)
    with database.write() as connection:
        shelf.vectors.put(
            connection, other, [("coffee", np.eye(8, dtype=np.float32)[0]), ("rocket", np.eye(8, dtype=np.float32)[0])]
        )
    assert shelf.duplicates.groups().duplicates == 3
