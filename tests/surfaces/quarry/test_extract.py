"""/segment/objects/extract: objects as RGBA files below the results folder."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fixtures.pictures import encoded
from tests.fixtures.server import Site, open_site, photograph, photograph_size


def opened(site: Site, shown: str) -> Image.Image:
    """The file that a reply names."""
    assert shown.startswith("./results/")
    return Image.open(site.folder / shown)


def test_objects_are_saved_as_documented(fresh_site: Site) -> None:
    reply = fresh_site.segment("/segment/objects/extract", "kitten", min_pixels="1000")
    assert reply.status_code == 200
    assert reply.headers["X-Model"] == "region-tree"
    body = reply.json()
    assert list(body)[:3] == ["saved", "skipped", "drive_files"]
    assert body["saved"] == [f"./results/object_{number}.png" for number in range(len(body["saved"]))]
    assert body["saved"]
    assert body["drive_files"] == []
    areas = [mask["area"] for mask in fresh_site.segment("/segment/auto", "kitten").json()["masks"]]
    assert len(body["saved"]) == sum(area >= 1000 for area in areas)
    assert body["skipped"] == sum(area < 1000 for area in areas)


def test_a_saved_object_has_the_picture_s_pixels_and_a_transparent_ground(fresh_site: Site) -> None:
    masks = [mask for mask in fresh_site.segment("/segment/auto", "kitten").json()["masks"] if mask["area"] >= 1000]
    saved = fresh_site.segment("/segment/objects/extract", "kitten", min_pixels="1000").json()["saved"]
    picture = np.asarray(Image.open(io.BytesIO(photograph("kitten"))))
    for shown, mask in zip(saved, masks, strict=True):
        cut = opened(fresh_site, shown)
        assert cut.mode == "RGBA"
        assert list(cut.size) == mask["bbox"][2:]
        pixels = np.asarray(cut)
        inside = pixels[..., 3] == 255
        assert set(np.unique(pixels[..., 3])) <= {0, 255}
        assert inside.sum() == mask["area"]
        x, y, width, height = mask["bbox"]
        assert (pixels[inside][:, :3] == picture[y : y + height, x : x + width][inside]).all()


def test_every_object_can_be_had(fresh_site: Site) -> None:
    body = fresh_site.segment("/segment/objects/extract", "kitten", min_pixels="0").json()
    assert body["skipped"] == 0
    assert len(body["saved"]) == fresh_site.segment("/segment/auto", "kitten").json()["total_masks"]


def test_where_all_are_too_small_nothing_is_written(fresh_site: Site) -> None:
    body = fresh_site.segment("/segment/objects/extract", "kitten", min_pixels=str(10**30)).json()
    assert body["saved"] == []
    assert body["skipped"] > 0
    assert fresh_site.stored().results == frozenset()


def test_a_second_call_overwrites_nothing(fresh_site: Site) -> None:
    first = fresh_site.segment("/segment/objects/extract", "kitten").json()["saved"]
    second = fresh_site.segment("/segment/objects/extract", "kitten").json()["saved"]
    assert len(first) == len(second)
    assert not set(first) & set(second)
    assert len(fresh_site.stored().results) == len(first) + len(second)


@pytest.mark.parametrize("save_dir", ["cats", "./results/cats", "results/cats/", "./cats"])
def test_save_dir_names_a_folder_below_the_results(fresh_site: Site, save_dir: str) -> None:
    saved = fresh_site.segment("/segment/objects/extract", "kitten", save_dir=save_dir).json()["saved"]
    assert saved[0] == "./results/cats/object_0.png"
    assert opened(fresh_site, saved[0]).mode == "RGBA"


def test_results_go_where_results_dir_says(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", results_dir=tmp_path / "elsewhere") as site:
        saved = site.segment("/segment/objects/extract", "kitten").json()["saved"]
    assert saved[0] == "./results/object_0.png"
    assert (tmp_path / "elsewhere" / "object_0.png").is_file()


def test_a_wish_for_google_drive_that_is_not_set_up_is_answered_with_a_warning(fresh_site: Site) -> None:
    reply = fresh_site.segment("/segment/objects/extract", "kitten", save_to_drive="true", drive_folder_id="abc")
    assert reply.status_code == 200
    assert reply.json()["saved"]
    assert reply.json()["drive_files"] == []
    assert "Google Drive" in reply.json()["warnings"][0]


def test_the_orientation_of_a_photograph_is_applied(fresh_site: Site) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    width, height = photograph_size("kitten")
    turned = encoded(Image.open(io.BytesIO(photograph("kitten"))), "JPEG", exif=exif)
    reply = fresh_site.client.post("/segment/auto", files={"image": ("a.jpg", turned)}).json()
    assert reply["masks"][0]["crop_box"][2:] == [height, width]
