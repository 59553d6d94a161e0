"""The subject of a picture is what stands out in it, whole and without dust; where nothing does, there is none."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from imagequarry.capabilities.meshes.subject import subject_of
from imagequarry.capabilities.meshes.subject.tidying import tidied
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Unwatched
from imagequarry.errors import Cancelled
from imagequarry.runtime.registering import models
from imagequarry.settings import read_settings
from tests.fixtures.pictures import scene

Pixels = NDArray[np.uint8]

# Around the head, the collar and the suit, as far as the helmet in her arm does not hide it: x and y.
ASTRONAUT = [
    (155, 70), (165, 45), (195, 25), (235, 15), (275, 30), (298, 65), (300, 100), (285, 125), (270, 135), (258, 165),
    (290, 190), (305, 230), (300, 262), (330, 260), (355, 290), (360, 345), (320, 360), (290, 400), (280, 440),
    (280, 511), (30, 511), (22, 420), (35, 300), (60, 250), (105, 215), (113, 190), (125, 165), (150, 150), (180, 150),
    (186, 130), (170, 110),
]  # fmt: skip


@pytest.fixture(scope="module")
def segmentation(tmp_path_factory: pytest.TempPathFactory) -> Segmentation:
    return models(read_settings(data_dir=tmp_path_factory.mktemp("data")))[1]


def disc(height: int, width: int, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:height, :width]
    inside: NDArray[np.bool_] = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    return inside


def found(pixels: Pixels, segmentation: Segmentation, alpha: Pixels | None = None) -> Mask | None:
    raster = Raster(np.ascontiguousarray(pixels), hashlib.sha256(pixels.tobytes()).hexdigest(), alpha)
    return subject_of(raster, segmentation, Unwatched())


def grained(mask: NDArray[np.bool_], inside: tuple[int, int, int], outside: tuple[int, int, int]) -> Pixels:
    plain = np.where(mask[..., None], np.array(inside), np.array(outside))
    grain = np.random.default_rng(3).normal(0, 5, plain.shape)
    return np.clip(plain + grain, 0, 255).astype(np.uint8)


def test_a_disc_on_a_gradient_is_the_subject(segmentation: Segmentation) -> None:
    mask = found(scene(320, 240), segmentation)
    assert mask is not None
    assert mask.iou(Mask.from_array(disc(240, 320, 160, 120, 80))) > 0.9


@pytest.mark.parametrize(("x", "y"), [(110, 90), (210, 150)])
def test_a_subject_need_not_be_in_the_middle(segmentation: Segmentation, x: int, y: int) -> None:
    truth = disc(240, 320, x, y, 50)
    mask = found(grained(truth, (200, 160, 40), (40, 70, 90)), segmentation)
    assert mask is not None
    assert mask.iou(Mask.from_array(truth)) > 0.9


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("astronaut", [(140, 300), (90, 330)], [(20, 60), (480, 300), (400, 30)]),
        ("coffee", [(330, 120), (300, 270)], [(40, 40), (560, 380)]),
    ],
)
def test_the_subject_of_a_photograph_is_what_a_person_would_say(
    segmentation: Segmentation, name: str, inside: list[tuple[int, int]], outside: list[tuple[int, int]]
) -> None:
    mask = found(getattr(data, name)(), segmentation)
    assert mask is not None
    array = mask.array()
    assert all(array[y, x] for x, y in inside)
    assert not any(array[y, x] for x, y in outside)


def test_head_and_suit_of_the_astronaut_are_one_subject(segmentation: Segmentation) -> None:
    truth = np.zeros((512, 512), np.uint8)
    cv2.fillPoly(truth, [np.array(ASTRONAUT, np.int32)], [1])
    mask = found(data.astronaut(), segmentation)
    assert mask is not None
    assert mask.iou(Mask.from_array(truth)) > 0.7
    array = mask.array()
    face, hair, collar, suit, sleeve = (220, 100), (220, 40), (150, 230), (140, 300), (90, 330)
    assert all(array[y, x] for x, y in (face, hair, collar, suit, sleeve))
    shuttle, flag, wall = (420, 60), (40, 100), (330, 60)
    assert not any(array[y, x] for x, y in (shuttle, flag, wall))


def test_a_thing_of_three_colours_is_one_subject(segmentation: Segmentation) -> None:
    head, body = disc(300, 400, 200, 80, 40), disc(300, 400, 200, 190, 80)
    belt = body & (np.abs(np.arange(300) - 200) < 12)[:, None]
    pixels = grained(head | body, (190, 60, 50), (120, 150, 120))
    pixels[head], pixels[belt] = grained(head, (225, 180, 150), (0, 0, 0))[head], (40, 40, 60)
    mask = found(pixels, segmentation)
    assert mask is not None
    assert mask.iou(Mask.from_array(head | body)) > 0.85


def test_the_ground_is_no_subject_though_it_is_large_and_clear(segmentation: Segmentation) -> None:
    thing = disc(300, 400, 180, 170, 55)
    pixels = grained(thing, (180, 60, 50), (150, 190, 230))
    ground = (np.arange(300) > 180)[:, None] & ~thing
    pixels[ground] = grained(ground, (90, 130, 60), (0, 0, 0))[ground]
    mask = found(pixels, segmentation)
    assert mask is not None
    assert mask.iou(Mask.from_array(thing)) > 0.85


def test_a_large_picture_gives_the_subject_of_a_small_one_with_a_fine_outline(segmentation: Segmentation) -> None:
    truth = disc(1500, 2000, 900, 700, 430)
    mask = found(grained(truth, (200, 160, 40), (40, 70, 90)), segmentation)
    assert mask is not None
    assert mask.size == (1500, 2000)
    assert mask.iou(Mask.from_array(truth)) > 0.985


@pytest.mark.parametrize("name", ["gravel", "grass", "brick", "hubble_deep_field"])
def test_a_picture_of_no_thing_has_no_subject(segmentation: Segmentation, name: str) -> None:
    pixels = getattr(data, name)()
    assert found(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3), segmentation) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (3, 2), (40, 40)])
def test_pictures_of_one_colour_and_of_few_pixels_are_survived(
    segmentation: Segmentation, size: tuple[int, int]
) -> None:
    for colour in (0, 255):
        mask = found(np.full((*size, 3), colour, np.uint8), segmentation)
        assert mask is None or mask.size == size


def test_transparent_parts_say_what_the_subject_is(segmentation: Segmentation) -> None:
    alpha = np.where(disc(60, 80, 20, 30, 15), 255, 0).astype(np.uint8)
    mask = found(scene(80, 60), segmentation, alpha)
    assert mask is not None
    assert np.array_equal(mask.array(), alpha > 0)
    assert found(scene(80, 60), segmentation, np.zeros((60, 80), np.uint8)) is None


def test_who_does_not_want_it_any_more_is_heard(segmentation: Segmentation) -> None:
    class Unwanted(Unwatched):
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        subject_of(Raster(scene(90, 70), "7" * 64), segmentation, Unwanted())


def test_dust_and_pinholes_go_and_parts_and_holes_stay() -> None:
    large = disc(400, 400, 150, 200, 130) & ~disc(400, 400, 150, 200, 60)
    part = disc(400, 400, 340, 200, 40)
    dusty = large | part | disc(400, 400, 20, 20, 3)
    dusty[200, 50] = False
    assert np.array_equal(tidied(Mask.from_array(dusty)).array(), large | part)


def test_of_dust_alone_something_is_left() -> None:
    dust = np.zeros((300, 300), np.bool_)
    dust[::4, ::4] = True
    assert 0 < tidied(Mask.from_array(dust)).area < dust.sum()
