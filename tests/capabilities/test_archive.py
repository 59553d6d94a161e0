"""Pictures kept a second time for who must not lose them, and limits of a surface's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.intake import JPEG_PNG, Limits
from imagequarry.errors import Conflict, FileTooLarge, ImageNotFound, InvalidPicture, PictureTooLarge
from imagequarry.runtime import assembling
from tests.fixtures.background import small
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import settings_in


@pytest.fixture
def archive(tmp_path: Path, sqlite_url: str) -> Iterator[Archive]:
    """An archive that takes in pictures of 100 pixels a side."""
    given = {"max_image_side": 100, "job_workers": 0, "database_url": sqlite_url}
    parts = assembling.assemble(settings_in(tmp_path / "data", **given))
    yield parts.archive
    parts.close()


def test_a_copy_outlives_its_picture_and_is_no_second_picture_in_lists(archive: Archive, tmp_path: Path) -> None:
    archive.keep(archive.take(small()), "first", "imgr", "cat.png")
    copy = archive.keep_copy("first", "second", "image2model")
    assert (copy.filename, copy.kind, copy.origin) == ("cat.png", "copy", "image2model")
    assert [listed.image.id for listed in archive.page(10)] == ["first"]
    (blob,) = [file for file in (tmp_path / "data" / "blobs").rglob("*") if file.is_file()]
    archive.delete("first")
    assert archive.file("second") == (copy, small())
    assert archive.raster("second").size == (48, 64)
    archive.delete("second")
    assert not blob.exists()


def test_nothing_is_copied_of_what_is_not_there_and_nothing_is_overwritten(archive: Archive) -> None:
    with pytest.raises(ImageNotFound):
        archive.keep_copy("nothing", "second", "image2model")
    archive.keep(archive.take(small()), "first", "imgr")
    with pytest.raises(Conflict):
        archive.keep_copy("first", "first", "image2model")
    assert archive.image("first").kind == "original"


def test_a_surface_s_own_limits_hold_in_place_of_those_of_all(archive: Archive) -> None:
    own = Limits(max_bytes=100_000, max_side=200, formats=JPEG_PNG)
    wide = encoded(scene(150, 20))
    with pytest.raises(PictureTooLarge):
        archive.take(wide)
    archive.keep(archive.take(wide, own), "wide", "image2model")
    # What was let in once is a picture for every surface.
    assert archive.raster("wide").width == archive.raster_once("wide").width == 150
    with pytest.raises(InvalidPicture, match="BMP files are not accepted here"):
        archive.take(encoded(scene(), "BMP"), own)
    with pytest.raises(FileTooLarge):
        archive.take(bytes(100_001), own)
