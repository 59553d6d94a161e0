"""Small regions on runs, against components on pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imagequarry.domain import run_lengths
from imagequarry.domain.mask import Mask
from imagequarry.engines.huggingface.sam.regions import cleaned
from tests.engines.huggingface.sam import reference


def noise(rng: np.random.Generator, height: int, width: int, coarse: float) -> reference.Bools:
    field = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), coarse)
    return np.asarray(field > np.quantile(field, rng.uniform(0.05, 0.95)))


def on_runs(array: reference.Bools, limit: int) -> tuple[Mask, bool]:
    height, width = array.shape
    mask = Mask.from_array(array)
    counts, changed = cleaned(run_lengths.counts_of(mask.counts), height, width, limit)
    return Mask(height, width, run_lengths.text_of(counts)), changed


@pytest.mark.parametrize("limit", [1, 7, 60, 400, 2000])
@pytest.mark.parametrize("coarse", [0.4, 1.5, 5])
def test_masks_are_cleaned_as_on_the_whole_frame(limit: int, coarse: float) -> None:
    rng = np.random.default_rng([limit, int(coarse * 10)])
    touched = 0
    for _ in range(12):
        array = noise(rng, int(rng.integers(1, 90)), int(rng.integers(1, 120)), coarse)
        if not array.any():
            continue
        filled, holes = reference.cleaned(array, limit, holes=True)
        wanted, islands = reference.cleaned(filled, limit, holes=False)
        sizes = cv2.connectedComponentsWithStats(filled.astype(np.uint8), connectivity=8)[2][1:, cv2.CC_STAT_AREA]
        if (sizes < limit).all():
            # All islands small: one of the largest stays, which of equals is anybody's choice.
            assert on_runs(array, limit)[0].area == wanted.sum()
            continue
        assert on_runs(array, limit) == (Mask.from_array(wanted), holes or islands)
        touched += holes or islands
    assert touched or limit == 1


def test_the_largest_of_small_islands_stays() -> None:
    array = np.zeros((20, 20), dtype=bool)
    array[2:5, 2:5] = array[10:14, 10:14] = True
    wanted = array.copy()
    wanted[2:5, 2:5] = False
    assert on_runs(array, 50) == (Mask.from_array(wanted), True)


def test_corners_connect() -> None:
    array = np.eye(12, dtype=bool)
    assert on_runs(array, 12) == (Mask.from_array(array), False)
    assert on_runs(array[:, ::-1], 12) == (Mask.from_array(array[:, ::-1]), False)


def test_pockets_at_the_frame_are_filled() -> None:
    array = np.ones((30, 30), dtype=bool)
    array[0:2, 5:8] = False
    assert on_runs(array, 7) == (Mask.from_array(np.ones((30, 30), dtype=bool)), True)


@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full_masks_stay(value: bool) -> None:
    array = np.full((9, 7), value)
    assert on_runs(array, 10) == (Mask.from_array(array), False)
