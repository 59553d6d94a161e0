"""/segment/job/{job_id}/visualization: an SVG of the picture with its masks."""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.fixtures.pictures import encoded, oriented_jpeg, quadrants, scene
from tests.fixtures.server import Site, photograph_size

SVG = "{http://www.w3.org/2000/svg}"
POINT = '[{"x": 0.5, "y": 0.5}]'


def drawing_of(site: Site, picture: bytes) -> ElementTree.Element:
    """The visualization of a click on the middle of the picture."""
    made = site.client.post("/segment/single", files={"image": ("p", picture)}, data={"points": POINT}).json()
    reply = site.client.get(f"/segment/job/{made['job_id']}/visualization")
    assert reply.status_code == 200, reply.text
    return ElementTree.fromstring(reply.content)


def shown_picture(drawing: ElementTree.Element) -> Image.Image:
    """The picture inside."""
    href = drawing.find(f"{SVG}image").attrib["href"]  # type: ignore[union-attr]
    return Image.open(io.BytesIO(base64.b64decode(href.partition("base64,")[2], validate=True)))


def test_the_drawing_is_an_svg_of_the_picture_with_a_path_for_each_mask(site: Site) -> None:
    made = site.segment("/segment/single", "coffee", points=POINT).json()
    reply = site.client.get(f"/segment/job/{made['job_id']}/visualization")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("image/svg+xml")
    assert reply.headers["X-Request-ID"]
    drawing = ElementTree.fromstring(reply.content)
    width, height = photograph_size("coffee")
    assert (drawing.attrib["width"], drawing.attrib["height"]) == (str(width), str(height))
    assert len(drawing.findall(f"{SVG}path")) == made["total_masks"]
    assert shown_picture(drawing).size == (width, height)


def test_nothing_in_the_drawing_may_run(site: Site) -> None:
    made = site.segment("/segment/single", points=POINT).json()
    reply = site.client.get(f"/segment/job/{made['job_id']}/visualization")
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "<script" not in reply.text


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_picture_of_every_format_is_shown_as_one_that_browsers_know(site: Site, format: str) -> None:
    drawing = drawing_of(site, encoded(scene(), format))
    picture = shown_picture(drawing)
    assert picture.format in {"JPEG", "PNG", "WEBP", "BMP"}
    assert picture.size == (64, 48)


def test_a_photograph_is_shown_upright(site: Site) -> None:
    drawing = drawing_of(site, oriented_jpeg(quadrants(), 6))
    assert (drawing.attrib["width"], drawing.attrib["height"]) == ("24", "40")
    picture = shown_picture(drawing)
    # A viewer that knows nothing of EXIF must see it upright too.
    assert picture.size == (24, 40)


def test_what_another_surface_found_can_be_drawn_too(site: Site) -> None:
    made = site.store_masks()
    reply = site.client.get(f"/segment/job/{made['image_id']}/visualization")
    assert reply.status_code == 200
    assert len(ElementTree.fromstring(reply.content).findall(f"{SVG}path")) == made["mask_count"]
