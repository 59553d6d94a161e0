"""Small pictures for grids: how they look, what browsers may keep of them, and who may have them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fixtures.pictures import encoded
from tests.fixtures.server import Site, open_site, photograph, photograph_size
from tests.surfaces.context.conftest import Home, open_home
from tests.surfaces.context.test_models import check_refusal


def small(site: Site, id: str, size: int = 128) -> Image.Image:
    reply = site.client.get(f"/api/v1/images/download/{id}?size={size}")
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(reply.content))
    assert picture.format == "JPEG"
    return picture


def upload(site: Site, data: bytes, name: str = "picture.jpg") -> str:
    reply = site.client.post("/api/upload/image", files={"file": (name, data)})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["image_id"])


@pytest.mark.parametrize("size", [64, 128, 1024])
def test_a_small_picture_shows_what_the_large_one_does(site: Site, size: int) -> None:
    width, height = photograph_size("astronaut")
    found = small(site, site.upload("astronaut"), size)
    scale = min(1.0, size / max(width, height))
    assert found.size == (round(width * scale), round(height * scale))
    exact = Image.open(io.BytesIO(photograph("astronaut"))).resize(found.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(found, float) - np.asarray(exact, float)).mean() < 8


def test_a_picture_that_lies_on_its_side_is_turned_upright_and_carries_no_metadata(site: Site) -> None:
    pixels = np.zeros((60, 120, 3), np.uint8)
    pixels[:, :60] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what is left comes to be above
    exif[0x010E] = "secret"
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=exif, quality=95)
    found = small(site, upload(site, file.getvalue()), 64)
    assert found.size == (32, 64)
    red, green, blue = np.asarray(found, int)[8, 16]
    assert red > 200
    assert max(green, blue) < 60
    assert np.asarray(found)[56].max() < 60
    assert not found.getexif()


def test_transparent_parts_are_white(site: Site) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    found = small(site, upload(site, encoded(pixels, "PNG"), "clear.png"), 32)
    assert np.asarray(found).min() > 250


def test_a_browser_that_has_it_is_told_that_nothing_changed(site: Site) -> None:
    address = f"/api/v1/images/download/{site.upload('coffee')}?size=64"
    first = site.client.get(address)
    assert first.headers["cache-control"].startswith("private, max-age=")
    tag = first.headers["etag"]
    again = site.client.get(address, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = site.client.get(address.replace("size=64", "size=65"), headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert other.headers["etag"] != tag


@pytest.mark.parametrize("size", ["0", "15", "1025", "-1", "large", "1e3", ""])
def test_other_sizes_are_refused(site: Site, size: str) -> None:
    reply = site.client.get(f"/api/v1/images/download/{site.upload('coffee')}?size={size}")
    check_refusal(reply, 422, "ValidationError")


def test_what_may_not_be_had_whole_may_not_be_had_small(tmp_path: Path) -> None:
    home: Home
    for home in open_home(tmp_path / "first"):
        id = home.process(home.put("cat.jpg"))["image_id"]
        assert small(home.site, id).size
    (tmp_path / "elsewhere").mkdir()
    with open_site(tmp_path / "first" / "data", image_roots=(tmp_path / "elsewhere",)) as site:
        reply = site.client.get(f"/api/v1/images/download/{id}?size=64", headers={"If-None-Match": "*"})
        check_refusal(reply, 404, "NotFoundError")
    with open_site(tmp_path / "empty") as site:
        reply = site.client.get("/api/v1/images/download/nothing?size=64")
        check_refusal(reply, 404, "ValidationError")
