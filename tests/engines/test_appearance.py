"""Copies of a picture get nearly its vector, other pictures another one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from imagequarry.domain.describing import Vectors
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.appearance import CARD, Appearance

Picture = NDArray[np.uint8]

ENGINE = Appearance()


def vectors(*pictures: Picture) -> Vectors:
    return ENGINE.encode([Raster(np.ascontiguousarray(picture), "0" * 64) for picture in pictures])


def flat(*colour: int) -> Picture:
    return np.full((40, 60, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def photographs() -> list[Picture]:
    grey = [data.camera(), data.coins(), data.moon(), data.brick(), data.grass()]
    return [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *(np.dstack([x, x, x]) for x in grey)]


def as_jpeg(picture: Picture) -> Picture:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1), np.uint8)


def halved(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def brightened(picture: Picture) -> Picture:
    return np.asarray(np.clip(picture * 1.2 + 8, 0, 255), np.uint8)


def cropped(share: float) -> Callable[[Picture], Picture]:
    def crop(picture: Picture) -> Picture:
        rows, columns = (round(side * share / 2) for side in picture.shape[:2])
        inside: Picture = picture[rows:-rows, columns:-columns]
        return inside

    return crop


def mirrored(picture: Picture) -> Picture:
    return np.fliplr(picture)


def in_grey(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


@pytest.mark.parametrize(
    ("edit", "least"),
    [
        (as_jpeg, 0.98),
        (halved, 0.98),
        (brightened, 0.85),
        (cropped(0.03), 0.88),
        (cropped(0.1), 0.68),
        (mirrored, 0.9999),
        (in_grey, 0.6),
    ],
    ids=["jpeg", "half", "brighter", "crop 3 %", "crop 10 %", "mirror", "grey"],
)
def test_an_edited_copy_is_near_and_nearest_to_its_original(
    photographs: list[Picture], edit: Callable[[Picture], Picture], least: float
) -> None:
    originals, copies = vectors(*photographs), vectors(*map(edit, photographs))
    likeness = copies @ originals.T
    assert likeness.diagonal().min() > least
    assert (likeness.argmax(1) == np.arange(len(photographs))).all()


def test_unlike_photographs_are_far_from_each_other(photographs: list[Picture]) -> None:
    likeness = vectors(*photographs) @ vectors(*photographs).T
    others = likeness[np.triu_indices(len(photographs), 1)]
    assert others.max() < 0.6
    assert abs(others.mean()) < 0.25


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (900, 2), (3, 5), (31, 33), (128, 128), (2, 40_000)])
def test_any_size_gives_a_vector_of_length_one(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    for row in vectors(noise, np.zeros_like(noise), np.full_like(noise, 255)):
        assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)


def test_pictures_of_one_colour_are_told_apart_by_it() -> None:
    red, nearly_red, green, black, white = vectors(
        flat(200, 30, 30), flat(196, 33, 34), flat(30, 160, 40), flat(0, 0, 0), flat(255, 255, 255)
    )
    assert red @ nearly_red > 0.97
    for one, other in [(red, green), (red, black), (black, white), (green, white)]:
        assert one @ other < 0.3


def test_faint_noise_on_one_colour_changes_little() -> None:
    noise = np.random.default_rng(0).integers(-2, 3, (200, 200, 3))
    even = np.full((200, 200, 3), 128)
    plain, noisy = vectors(even.astype(np.uint8), (even + noise).astype(np.uint8))
    assert plain @ noisy > 0.9


def test_the_vectors_are_what_the_engine_says_they_are(photographs: list[Picture]) -> None:
    rows = vectors(*photographs)
    assert rows.shape == (len(photographs), ENGINE.dimension)
    assert rows.dtype == np.float32
    assert vectors().shape == (0, ENGINE.dimension)
    assert 256 <= ENGINE.dimension <= 512
    assert ENGINE.nbytes == 0


def test_a_picture_has_one_vector_alone_or_among_others_and_from_any_thread(photographs: list[Picture]) -> None:
    together = vectors(*photographs)
    with ThreadPoolExecutor(8) as pool:
        apart = list(pool.map(vectors, photographs * 4))
    for index, row in enumerate(apart):
        np.testing.assert_array_equal(row[0], together[index % len(photographs)])


def test_the_picture_is_left_as_it_was() -> None:
    picture = data.coffee()
    before = picture.copy()
    picture.setflags(write=False)
    vectors(picture)
    np.testing.assert_array_equal(picture, before)


def test_its_card_is_found_by_name() -> None:
    assert (CARD.name, CARD.task, CARD.family, CARD.hub) == ("appearance", "image-vectors", "embedded", "")
