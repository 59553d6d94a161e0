"""Every form of a mask gives back the very same pixels."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagequarry.capabilities.mask_formats import encode, png_bytes, svg
from imagequarry.capabilities.outlines import Polygon, polygons
from imagequarry.domain.mask import Mask

BoolArray = NDArray[np.bool_]
Ring = list[list[int]]


@st.composite
def arrays(draw: st.DrawFn) -> BoolArray:
    """Masks with pieces in holes in pieces, and pixels that meet at corners."""
    size = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    density = draw(st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.85, 1.0]))
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(size) < density


def filled(rings: Iterable[Ring], size: tuple[int, int]) -> BoolArray:
    """The pixels inside by the even-odd rule: a ray to the right crosses an odd number of upright edges."""
    crossings = np.zeros((size[0], size[1] + 1), dtype=np.bool_)
    for ring in rings:
        for (x0, y0), (x1, y1) in itertools.pairwise([*ring, ring[0]]):
            assert (x0 == x1) != (y0 == y1), "an edge is upright or level, and has a length"
            if x0 == x1:
                crossings[min(y0, y1) : max(y0, y1), x0] ^= True
    return np.logical_xor.accumulate(crossings, axis=1)[:, :-1]


def rings_of_svg(text: str) -> list[Ring]:
    """The corners of the one path of an SVG, which moves, then goes level and upright."""
    root = ElementTree.fromstring(text)
    (path,) = root
    assert path.attrib["fill-rule"] == "evenodd"
    rings = []
    for part in path.attrib["d"].split("Z")[:-1]:
        start, steps = re.fullmatch(r"M(\d+ \d+)((?:[hv]-?\d+)+)", part).groups()  # type: ignore[union-attr]
        x, y = map(int, start.split())
        ring = [[x, y]]
        for word, length in re.findall(r"([hv])(-?\d+)", steps):
            x, y = (x + int(length), y) if word == "h" else (x, y + int(length))
            ring.append([x, y])
        rings.append(ring)
    return rings


def check_polygons(array: BoolArray) -> None:
    found = polygons(Mask.from_array(array))
    rings = [ring for polygon in found for ring in (polygon["exterior"], *polygon["holes"])]
    assert np.array_equal(filled(rings, array.shape), array)
    for ring in rings:
        assert len({tuple(corner) for corner in ring}) == len(ring) >= 4, "no ring touches itself"
    count, labels = cv2.connectedComponents(array.astype(np.uint8), connectivity=4)
    pieces = [filled([polygon["exterior"], *polygon["holes"]], array.shape) for polygon in found]
    assert sorted(np.unique(labels[piece]).tolist() for piece in pieces) == [[n] for n in range(1, count)]


@given(arrays())
def test_a_png_is_grey_of_8_bits_and_holds_0_and_255(array: BoolArray) -> None:
    file = png_bytes(Mask.from_array(array))
    with Image.open(io.BytesIO(file)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "L")
        picture.load()
        assert np.array_equal(np.asarray(picture), array * np.uint8(255))
    decoded = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert np.array_equal(decoded, array * np.uint8(255))


def test_a_png_of_a_large_picture_is_whole_and_small() -> None:
    array = np.zeros((3000, 4000), dtype=np.bool_)
    array[1200:1500, 700:1400] = True
    file = png_bytes(Mask.from_array(array))
    assert len(file) < 20_000
    with Image.open(io.BytesIO(file)) as picture:
        picture.load()
        assert np.array_equal(np.asarray(picture) == 255, array)


def test_rle_is_coco_json() -> None:
    mask = Mask.from_array(np.eye(4, dtype=np.bool_))
    data = json.loads(json.dumps(encode(mask, "rle")))
    assert data["size"] == [4, 4]
    assert Mask.from_coco(data) == mask


@given(arrays())
def test_polygons_fill_to_the_very_mask_one_for_each_piece(array: BoolArray) -> None:
    check_polygons(array)


def test_every_mask_of_three_by_three_pixels_comes_back_from_its_polygons() -> None:
    for bits in range(512):
        check_polygons(np.array([bits >> place & 1 for place in range(9)], dtype=np.bool_).reshape(3, 3))


def test_one_pixel_gives_its_square_clockwise() -> None:
    array = np.zeros((4, 5), dtype=np.bool_)
    array[2, 3] = True
    expected: list[Polygon] = [{"exterior": [[3, 2], [4, 2], [4, 3], [3, 3]], "holes": []}]
    assert polygons(Mask.from_array(array)) == expected


def test_a_ring_has_a_hole_and_an_island_in_it_is_a_polygon_of_its_own() -> None:
    array = np.ones((7, 7), dtype=np.bool_)
    array[1:6, 1:6] = False
    array[3, 3] = True
    outer, island = polygons(Mask.from_array(array))
    assert outer["exterior"] == [[0, 0], [7, 0], [7, 7], [0, 7]]
    assert [sorted(hole) for hole in outer["holes"]] == [[[1, 1], [1, 6], [6, 1], [6, 6]]]
    assert island["holes"] == []


def test_a_loop_that_closes_at_a_corner_is_cut_there() -> None:
    array = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=np.bool_)
    (polygon,) = polygons(Mask.from_array(array))
    assert len(polygon["holes"]) == 1
    check_polygons(array)


def test_an_empty_mask_has_no_polygons_and_an_empty_path() -> None:
    empty = Mask.empty(3, 4)
    assert encode(empty, "polygon") == []
    assert rings_of_svg(svg(empty)) == []


@given(arrays())
def test_an_svg_fills_to_the_very_mask(array: BoolArray) -> None:
    text = encode(Mask.from_array(array), "svg")
    assert isinstance(text, str)
    assert ElementTree.fromstring(text).attrib["viewBox"] == f"0 0 {array.shape[1]} {array.shape[0]}"
    assert np.array_equal(filled(rings_of_svg(text), array.shape), array)


@pytest.mark.parametrize("format", ["png", "rle", "polygon", "svg"])
def test_every_form_is_json(format: str) -> None:
    value = encode(Mask.from_array(np.eye(5, dtype=np.bool_)), format)  # type: ignore[arg-type]
    assert json.loads(json.dumps(value)) == value


def test_png_is_the_form_one_gets_without_asking() -> None:
    mask = Mask.from_array(np.eye(5, dtype=np.bool_))
    text = encode(mask)
    assert isinstance(text, str)
    assert base64.b64decode(text, validate=True) == png_bytes(mask)
