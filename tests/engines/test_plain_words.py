"""The plain words say what is in a picture, and nothing that is not."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.plain_words import CAPTION_CARD, OBJECTS_CARD, PlainWords
from imagequarry.engines.embedded.plain_words.colour_names import NAMES

Picture = NDArray[np.uint8]

ENGINE = PlainWords()


def raster(picture: Picture) -> Raster:
    """A picture of its own, that nothing is remembered of."""
    return Raster(picture.copy(), "0" * 64)


def caption(picture: Picture) -> str:
    return ENGINE.captions([raster(picture)])[0]


def all_names(picture: Picture) -> list[str]:
    return [tag.name for tag in ENGINE.tags([raster(picture)])[0]]


def names(picture: Picture) -> set[str]:
    """The things, without light and colours."""
    return set(all_names(picture)) - {*NAMES, "dark", "bright"}


def in_three(grey: NDArray[np.uint8]) -> Picture:
    return np.dstack([grey, grey, grey])


def landscape(height: int = 300, width: int = 400) -> Picture:
    """A blue sky, lighter towards the horizon, above green blades."""
    rng = np.random.default_rng(1)
    picture = np.empty((height, width, 3))
    horizon = height // 2
    picture[:horizon] = np.linspace((70, 120, 210), (150, 190, 240), horizon)[:, None]
    blades = rng.normal(0, 1, (height - horizon, width, 1))
    picture[horizon:] = (70, 130, 45) + (28, 40, 20) * blades
    return np.clip(picture, 0, 255).astype(np.uint8)


def seaside() -> Picture:
    """A pale blue sky above dark blue water with ripples."""
    rng = np.random.default_rng(2)
    picture = np.empty((300, 400, 3))
    picture[:120] = np.linspace((120, 165, 225), (180, 210, 245), 120)[:, None]
    ripples = cv2.GaussianBlur(rng.normal(0, 1, (180, 400)), (0, 0), sigmaX=9, sigmaY=1)
    picture[120:] = (30, 80, 120) + (60, 80, 90) * ripples[..., None] / ripples.std() / 3
    return np.clip(picture, 0, 255).astype(np.uint8)


def sunset() -> Picture:
    """A red and orange glow above black hills."""
    picture = np.empty((300, 400, 3))
    picture[:] = np.linspace((120, 40, 50), (255, 170, 60), 300)[:, None]
    hills = 215 + 12 * np.sin(np.arange(400) / 30)
    picture[np.arange(300)[:, None] > hills] = (12, 8, 10)
    return picture.astype(np.uint8)


def city_at_night() -> Picture:
    rng = np.random.default_rng(3)
    picture = np.full((300, 400, 3), (8, 8, 20), np.uint8)
    for x, y in zip(rng.integers(5, 395, 60), rng.integers(120, 295, 60), strict=True):
        cv2.circle(picture, (int(x), int(y)), 2, (255, 220, 150), -1)
    return picture


def page(height: int = 1400, width: int = 1000) -> Picture:
    """Rows of words on white paper."""
    picture = np.full((height, width, 3), 250, np.uint8)
    for row, y in enumerate(range(100, height - 80, 40)):
        words = "the words of this page mean nothing at all"[: 42 - row % 5 * 4]
        cv2.putText(picture, words, (80, y), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (30, 30, 30), 2)
    return picture


def noise(seed: int) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (300, 400, 3)).astype(np.uint8)


def test_a_portrait_is_of_a_person() -> None:
    assert {"person", "face"} <= names(data.astronaut())
    assert "person" in caption(data.astronaut())


def test_a_photograph_without_colours_is_black_and_white_and_its_man_is_seen() -> None:
    assert {"black and white", "person"} <= names(in_three(data.camera()))
    assert caption(in_three(data.camera())).startswith("A black and white picture of a person")


def test_sky_above_green_is_sky_and_plants() -> None:
    assert names(landscape()) == {"sky", "plants"}
    assert caption(landscape()).startswith("An outdoor picture with green plants under a blue sky")


def test_the_landscape_upside_down_has_no_sky() -> None:
    assert "sky" not in names(landscape()[::-1])


def test_rippled_blue_under_a_sky_is_water() -> None:
    assert names(seaside()) == {"sky", "water"}
    assert "water under a blue sky" in caption(seaside())


def test_a_glow_above_dark_ground_is_a_sunset() -> None:
    assert names(sunset()) == {"sunset"}
    assert "sunset" in caption(sunset())


def test_small_lights_in_the_dark_are_a_night() -> None:
    assert names(city_at_night()) == {"night"}


@pytest.mark.parametrize("made", [page(), in_three(data.page())], ids=["printed", "photographed"])
def test_rows_of_text_on_paper_are_a_document(made: Picture) -> None:
    assert "document" in names(made)
    assert caption(made).startswith("A document")


@pytest.mark.parametrize("seed", range(3))
def test_noise_shows_nothing(seed: int) -> None:
    assert names(noise(seed)) == set()
    assert caption(noise(seed)).startswith("A picture, mostly grey")


@pytest.mark.parametrize(
    "picture",
    [data.coffee(), data.rocket(), in_three(data.brick()), in_three(data.gravel()), in_three(data.coins())],
    ids=["coffee", "rocket", "brick", "gravel", "coins"],
)
def test_things_and_textures_are_not_taken_for_people_or_scenes(picture: Picture) -> None:
    assert names(picture) <= {"black and white"}


def test_light_and_main_colours_are_tags_after_the_things() -> None:
    assert all_names(data.coffee()) == ["brown"]
    assert all_names(data.rocket()) == ["dark", "blue"]
    said = all_names(data.astronaut())
    assert said[:2] == ["person", "face"]
    assert set(said[2:]) <= set(NAMES)
    assert not set(all_names(in_three(data.camera()))) & set(NAMES)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((0, 0, 0), "black"),
        ((128, 128, 128), "grey"),
        ((255, 255, 255), "white"),
        ((200, 20, 30), "red"),
        ((255, 140, 0), "orange"),
        ((120, 70, 30), "brown"),
        ((225, 205, 170), "beige"),
        ((250, 225, 30), "yellow"),
        ((30, 140, 50), "green"),
        ((64, 208, 200), "turquoise"),
        ((30, 60, 200), "blue"),
        ((120, 30, 150), "purple"),
        ((255, 160, 190), "pink"),
    ],
)
def test_colours_have_the_names_people_give_them(colour: tuple[int, int, int], name: str) -> None:
    picture = np.full((60, 80, 3), colour, np.uint8)
    assert caption(picture) == f"A plain {name} picture"
    assert names(picture) == set()


@pytest.mark.parametrize(("x", "place"), [(200, "in the centre"), (70, "on the left"), (330, "on the right")])
def test_a_thing_in_front_of_a_plain_background_is_placed(x: int, place: str) -> None:
    picture = np.full((300, 400, 3), (150, 150, 152), np.uint8)
    cv2.circle(picture, (x, 150), 50, (200, 30, 40), -1)
    assert caption(picture) == f"A picture of a mostly red subject {place} in front of a plain grey background"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (17, 900), (47, 48), (49, 5000), (3000, 2000)])
def test_any_size_has_a_sentence(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    said = caption(picture)
    assert said.startswith("A ")
    assert not said.endswith(".")
    assert names(picture) <= {"black and white"}


def test_a_transparent_picture_is_described_as_it_lies_on_white() -> None:
    picture = np.full((100, 100, 3), 255, np.uint8)
    transparent = Raster(picture, "0" * 64, np.zeros((100, 100), np.uint8))
    assert ENGINE.captions([transparent]) == ["A plain white picture"]


def test_tags_come_surest_first_and_no_name_twice() -> None:
    for tags in ENGINE.tags([raster(picture) for picture in (data.astronaut(), landscape(), seaside(), page())]):
        scores = [tag.score for tag in tags]
        assert scores == sorted(scores, reverse=True)
        assert all(0.5 <= score <= 1 for score in scores)
        assert len({tag.name for tag in tags}) == len(tags)
        assert all(tag.name == tag.name.lower() for tag in tags)


def test_threads_get_what_one_caller_gets() -> None:
    pictures = [data.astronaut(), in_three(data.camera()), landscape()]

    def copies() -> list[Raster]:
        return [raster(picture) for picture in pictures]

    captions, tags = ENGINE.captions(copies()), ENGINE.tags(copies())
    with ThreadPoolExecutor(8) as pool:
        said = [pool.submit(ENGINE.captions, copies()) for _ in range(4)]
        seen = [pool.submit(ENGINE.tags, copies()) for _ in range(4)]
    assert [future.result() for future in said] == [captions] * 4
    assert [future.result() for future in seen] == [tags] * 4


def test_what_is_remembered_of_one_picture_is_not_said_of_another_with_its_digest() -> None:
    red, blue = (raster(np.full((60, 80, 3), colour, np.uint8)) for colour in [(200, 20, 30), (30, 60, 200)])
    for _ in range(2):
        assert ENGINE.captions([red, blue]) == ["A plain red picture", "A plain blue picture"]


def test_pictures_are_not_kept_in_memory() -> None:
    picture = raster(landscape())
    pixels = weakref.ref(picture.rgb)
    ENGINE.captions([picture])
    assert pixels() is not None
    del picture
    gc.collect()
    assert pixels() is None


def test_no_picture_has_no_words() -> None:
    assert ENGINE.captions([]) == []
    assert ENGINE.tags([]) == []
    assert ENGINE.nbytes == 0


def test_its_cards_name_one_engine_for_two_tasks() -> None:
    assert (CAPTION_CARD.name, CAPTION_CARD.task) == ("plain-words", "caption")
    assert (OBJECTS_CARD.name, OBJECTS_CARD.task) == ("plain-words-objects", "objects")
    assert OBJECTS_CARD.engine == CAPTION_CARD.engine
