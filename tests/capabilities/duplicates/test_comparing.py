"""Two pictures measured against each other."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity as published

from imagequarry.capabilities.duplicates.comparing import Comparison, compared, structural_similarity
from imagequarry.capabilities.duplicates.hashing import TRANSFORMS, Transform, turned
from imagequarry.domain.raster import Pixels
from imagequarry.engines.embedded.appearance import Appearance
from tests.capabilities.duplicates.samples import photo, raster, saved


def compare(one: Pixels, other: Pixels, threshold: float = 0.95) -> Comparison:
    return compared(raster(one), raster(other), Appearance().encode, threshold)


def test_a_picture_and_itself_differ_in_nothing() -> None:
    found = compare(photo("coffee"), photo("coffee"))
    assert found.metrics() == {
        "verdict": "identical",
        "identical": True,
        "similarity": 1.0,
        "cosine": 1.0,
        "hash_distance": 0,
        "hash_similarity": 1.0,
        "transform": "none",
        "mean_absolute_difference": 0.0,
        "structural_similarity": 1.0,
        "size1": [600, 400],
        "size2": [600, 400],
        "same_size": True,
        "pixel_ratio": 1.0,
        "aspect_ratio1": 1.5,
        "aspect_ratio2": 1.5,
    }


def test_a_photograph_saved_smaller_is_the_same_picture() -> None:
    found = compare(photo("coffee"), saved(photo("coffee"), scale=0.5, quality=60))
    assert (found.verdict, found.identical, found.transform) == ("re-encoded", False, "none")
    assert found.sizes == ((600, 400), (300, 200))
    assert found.metrics()["pixel_ratio"] == 0.25
    assert found.hash_distance is not None
    assert found.hash_distance < 20
    assert found.cosine < found.similarity < 1
    assert found.mean_absolute_difference < 4
    assert found.structural_similarity > 0.9


def test_different_photographs_are_different() -> None:
    found = compare(photo("coffee"), photo("rocket"))
    assert found.verdict == "different"
    assert found.similarity < 0.6
    assert found.hash_distance is not None
    assert found.hash_distance > 90
    assert found.hash_similarity is not None
    assert found.hash_similarity < 0.3
    assert found.mean_absolute_difference > 20
    assert found.structural_similarity < 0.4


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_what_was_turned_is_turned_back_before_it_is_measured(transform: Transform) -> None:
    pixels = photo("rocket")
    found = compare(pixels, saved(turned(raster(pixels), transform).rgb, quality=85))
    assert (found.transform, found.verdict) == (transform, "re-encoded")
    assert found.structural_similarity > 0.9
    assert found.similarity > 0.98


def test_pictures_too_plain_for_a_hash_are_measured_without_one() -> None:
    white = np.full((200, 300, 3), 255, dtype=np.uint8)
    found = compare(white, np.full((100, 100, 3), 250, dtype=np.uint8))
    assert (found.hash_distance, found.hash_similarity, found.transform) == (None, None, "none")
    assert found.mean_absolute_difference == 5
    assert compare(white, photo("coffee")).hash_distance is None


def test_the_threshold_decides_the_verdict_only() -> None:
    again = saved(photo("coffee"), scale=0.5, quality=30)
    low, high = compare(photo("coffee"), again, 0.9), compare(photo("coffee"), again, 1.0)
    assert (low.verdict, high.verdict) == ("re-encoded", "different")
    assert low.metrics() | {"verdict": ""} == high.metrics() | {"verdict": ""}


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3, 2), (11, 11), (40, 3000)])
def test_pictures_of_any_shape_can_be_compared(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (*size, 3)).astype(np.uint8)
    for found in (compare(pixels, photo("coffee")), compare(photo("coffee"), pixels), compare(pixels, pixels)):
        assert np.isfinite([found.structural_similarity, found.mean_absolute_difference, found.similarity]).all()
        json.dumps(found.metrics(), allow_nan=False)


def test_a_negative_is_no_duplicate_though_all_its_bits_differ() -> None:
    found = compare(photo("coffee"), np.subtract(255, photo("coffee"), dtype=np.uint8))
    assert found.verdict == "different"
    assert found.hash_similarity == 0.0
    assert found.structural_similarity < 0


@pytest.mark.parametrize("noise", [0, 5, 40])
def test_structural_similarity_is_the_published_one(noise: int) -> None:
    rng = np.random.default_rng(noise)
    one = cv2.cvtColor(photo("rocket"), cv2.COLOR_RGB2GRAY).astype(np.float64)
    other = np.clip(one + rng.normal(0, noise, one.shape), 0, 255)
    expected = published(one, other, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert structural_similarity(one, other) == pytest.approx(expected, abs=1e-6)
