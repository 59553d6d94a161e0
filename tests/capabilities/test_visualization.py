"""The SVG of a segmentation is whole, stands alone and escapes what it is given."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from imagequarry.capabilities.visualization import Region, colour, drawn_over, visualization
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.errors import InvalidInput

SVG = "{http://www.w3.org/2000/svg}"


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 4), (9, 9, 9)).save(file, "PNG")
    return file.getvalue()


def square(y: int, x: int, side: int) -> Mask:
    return Mask.from_crop(np.ones((side, side), dtype=np.bool_), x, y, 4, 6)


def test_it_holds_the_picture_and_each_region_with_its_title() -> None:
    text = visualization(
        png(), "image/png", 6, 4, [Region(square(0, 0, 1), 0.5), Region(square(1, 1, 3), 0.875, "cat")]
    )
    root = ElementTree.fromstring(text)
    assert root.attrib["viewBox"] == "0 0 6 4"
    image = root.find(f"{SVG}image")
    assert image is not None
    head, _, data = image.attrib["href"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == png()
    titles = [path.findtext(f"{SVG}title") for path in root.iter(f"{SVG}path")]
    assert titles == ["1 cat: score 0.875, area 9 px", "0: score 0.500, area 1 px"]


def test_a_hostile_label_stays_text() -> None:
    label = '</title><script>alert("1")</script>&\x00\ud800 ]]>'
    root = ElementTree.fromstring(visualization(png(), "image/png", 6, 4, [Region(square(0, 0, 2), 1.0, label)]))
    assert not list(root.iter(f"{SVG}script"))
    (path,) = root.iter(f"{SVG}path")
    assert '</title><script>alert("1")</script>&\ufffd\ufffd ]]>' in (path.findtext(f"{SVG}title") or "")


@pytest.mark.parametrize("media_type", ["image/tiff", "text/html", 'image/png" onload="x'])
def test_a_picture_that_browsers_do_not_show_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidInput):
        visualization(png(), media_type, 6, 4, [])


def test_the_first_hundred_colours_differ() -> None:
    assert len({colour(index) for index in range(100)}) == 100


def test_nothing_found_still_shows_the_picture() -> None:
    root = ElementTree.fromstring(visualization(png(), "image/png", 6, 4, [Region(Mask.empty(4, 6), 0.0)]))
    assert [child.tag for child in root] == [f"{SVG}title", f"{SVG}style", f"{SVG}image"]


def test_a_decoded_picture_is_embedded_as_its_eye_sees_it() -> None:
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, 30:] = (250, 120, 20)
    text = drawn_over(Raster(rgb, "0" * 64), [Region(square(0, 0, 2), 0.5)])
    embedded = re.search(r"data:image/jpeg;base64,([^\"]+)", text)
    assert embedded is not None
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(embedded[1]))))
    assert shown.shape == rgb.shape
    assert np.abs(shown.astype(int) - rgb)[:, [5, 55]].max() < 12
