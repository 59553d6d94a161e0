"""Perceptual hashes of photographs, of what becomes of them, and of pictures that show nothing."""

from __future__ import annotations

import itertools

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from imagequarry.capabilities.duplicates.hashing import (
    AGREEING_BITS,
    HASH_BITS,
    SAYS_NOTHING,
    TRANSFORMS,
    Transform,
    distances,
    perceptual_hash,
    transforms,
    turned,
    turned_hashes,
    words,
)
from imagequarry.domain.raster import Pixels
from tests.capabilities.duplicates.samples import PHOTOS, photo, raster, saved


def distance(one: Pixels, other: Pixels) -> int:
    return int(distances(words([perceptual_hash(raster(one))]), words([perceptual_hash(raster(other))]))[0])


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photograph_saved_sized_or_toned_again_keeps_its_hash(name: str) -> None:
    pixels = photo(name)
    brighter = np.asarray(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(1.2))
    grey = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))
    for again in (
        saved(pixels, quality=20),
        saved(pixels, "WEBP", quality=40),
        saved(pixels, "PNG", 0.5),
        saved(pixels, scale=0.25, quality=60),
        saved(pixels, scale=1.7, quality=80),
        brighter,
        grey,
    ):
        assert distance(pixels, again) <= AGREEING_BITS


def test_different_photographs_differ_in_about_half_of_the_bits() -> None:
    found = [distance(photo(one), photo(other)) for one, other in itertools.combinations(PHOTOS, 2)]
    assert 100 <= min(found) <= max(found) <= 160


def test_a_small_photograph_has_the_hash_that_the_library_gives_it() -> None:
    pixels = cv2.resize(photo("coffee"), (200, 130), interpolation=cv2.INTER_AREA).astype(np.uint8)
    grey = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8))
    expected = np.packbits(imagehash.phash(grey, hash_size=16).hash).tobytes()
    assert perceptual_hash(raster(pixels)) == expected


def test_a_hash_is_the_same_every_time() -> None:
    assert len({perceptual_hash(raster(saved(photo("rocket"), "PNG", 1.5))) for _ in range(3)}) == 1


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_mirrored_or_turned_photograph_is_recognised_and_how_it_was_turned(transform: Transform) -> None:
    for name in ("astronaut", "coffee", "clock"):
        again = turned(raster(photo(name)), transform)
        smaller = raster(saved(again.rgb, scale=0.6, quality=70))
        chosen, bits = transforms(words(turned_hashes(raster(photo(name)))), words([perceptual_hash(smaller)]))
        assert TRANSFORMS[chosen[0]] == transform
        assert bits[0] <= AGREEING_BITS


def test_a_transform_mirrors_first_and_turns_clockwise_then() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    picture = raster(pixels, alpha=np.arange(6, dtype=np.uint8).reshape(2, 3))
    for at, transform in enumerate(TRANSFORMS):
        image = Image.fromarray(pixels)
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if at >= 4 else image
        expected = np.asarray(image.rotate(-90 * (at % 4), expand=True))
        found = turned(picture, transform)
        assert np.array_equal(found.rgb, expected)
        assert found.alpha is not None
        assert np.array_equal(found.alpha * 3, expected[..., 0])
        assert transform == "none" or not found.rgb.flags.writeable
    assert len({turned(picture, transform).digest for transform in TRANSFORMS}) == 8
    assert turned(picture, "none") is picture


def test_a_picture_that_agrees_as_it_stands_counts_as_not_turned_even_if_turned_it_agrees_better() -> None:
    asked = words(turned_hashes(raster(photo("astronaut")))).copy()
    # What a nearly symmetrical picture has: the hash of the mirrored one differs in a few bits only.
    asked[4] = asked[0] ^ np.uint64(0b111111)
    chosen, bits = transforms(asked, asked[4:5])
    assert (TRANSFORMS[chosen[0]], bits[0]) == ("none", 24)


def plain_pictures() -> dict[str, Pixels]:
    white = np.full((300, 400, 3), 255, dtype=np.uint8)
    ramp = np.linspace(0, 255, 400).astype(np.uint8)
    noise = np.random.default_rng(0).normal(128, 3, white.shape)
    return {
        "white": white,
        "black": np.zeros_like(white),
        "grey": np.full_like(white, 127),
        "even gradient": np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], white.shape)),
        "faint noise": noise.astype(np.uint8),
        "stripes": np.ascontiguousarray(np.broadcast_to((ramp // 32 % 2 * 255)[None, :, None], white.shape)),
    }


@pytest.mark.parametrize("name", plain_pictures())
def test_a_picture_that_shows_nothing_has_no_hash_and_agrees_with_none_not_even_itself(name: str) -> None:
    pixels = plain_pictures()[name]
    assert perceptual_hash(raster(pixels)) == SAYS_NOTHING
    assert distance(pixels, pixels) == HASH_BITS
    assert distance(pixels, photo("coffee")) == HASH_BITS
    assert set(turned_hashes(raster(pixels))) == {SAYS_NOTHING}


def test_what_cannot_be_seen_does_not_count() -> None:
    pixels = photo("coffee").copy()
    alpha = np.full(pixels.shape[:2], 255, dtype=np.uint8)
    alpha[:150] = 0
    seen = pixels.copy()
    seen[:150] = 255
    noise = pixels.copy()
    noise[:150] = np.random.default_rng(0).integers(0, 255, noise[:150].shape)
    expected = perceptual_hash(raster(seen))
    for hidden in (pixels, noise):
        found = perceptual_hash(raster(hidden, alpha))
        assert int(distances(words([found]), words([expected]))[0]) <= 8


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3000, 2), (64, 64)])
def test_a_picture_of_any_shape_has_a_hash(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
    assert len(perceptual_hash(raster(pixels))) == 32
