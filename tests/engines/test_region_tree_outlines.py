"""Masks written as runs are those that plain arrays give, at every size and after cleaning."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imagequarry.engines.embedded.region_tree.regions import basins
from imagequarry.engines.embedded.region_tree.runs import without_specks
from imagequarry.engines.embedded.region_tree.upscale import carry_to_guide, enlarged


def blobs(height: int, width: int, seed: int, share: float = 0.5) -> NDArray[np.bool_]:
    """A random mask of lumps of all sizes."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.asarray(smooth > np.quantile(smooth, 1 - share), np.bool_)


def whole(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """The mask enlarged by the engine, back as an array."""
    return enlarged(np.ascontiguousarray(mask.T), (0, 0), mask.shape[::-1], height, width).mask().array()


@pytest.mark.parametrize("seed", range(20))
def test_runs_at_the_same_size_are_the_mask(seed: int) -> None:
    mask = blobs(41, 57, seed, 0.1 + 0.04 * seed)
    assert np.array_equal(whole(mask, 41, 57), mask)


@pytest.mark.parametrize(("height", "width"), [(80, 120), (200, 300), (117, 333), (41, 300), (400, 57)])
def test_runs_at_a_larger_size_are_those_of_bilinear_enlarging(height: int, width: int) -> None:
    mask = blobs(41, 57, 3)
    level = cv2.resize(mask.astype(np.float64), (width, height), interpolation=cv2.INTER_LINEAR)
    # where the surface is one half but for rounding, either side is right
    sure = np.abs(level - 0.5) > 1e-4
    assert np.array_equal(whole(mask, height, width)[sure], (level > 0.5)[sure])


def test_a_crop_enlarges_like_the_whole() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:22, 15:40] = blobs(12, 25, 1)
    crop = np.ascontiguousarray(mask[10:22, 15:40].T)
    runs = enlarged(crop, (15, 10), (60, 40), 200, 300)
    assert np.array_equal(runs.mask().array(), whole(mask, 200, 300))


def test_empty_and_full_masks_have_runs_too() -> None:
    assert not whole(np.zeros((5, 7), np.bool_), 5, 7).any()
    assert whole(np.ones((5, 7), np.bool_), 50, 70).all()


def cleaned(mask: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    """The rules of SAM's clean-up on plain arrays: first holes are filled, then islands removed."""
    count, label, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=8)
    small = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] < smallest]
    mask = mask | np.isin(label, small)
    count, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = [k + 1 for k in range(count - 1) if areas[k] >= smallest] or [1 + int(areas.argmax())]
    return np.isin(label, kept)


@pytest.mark.parametrize("smallest", [5, 30, 150])
@pytest.mark.parametrize("seed", range(12))
def test_cleaning_runs_is_cleaning_the_mask(seed: int, smallest: int) -> None:
    mask = blobs(60, 80, seed, 0.2 + 0.05 * seed)
    runs = enlarged(np.ascontiguousarray(mask.T), (0, 0), (80, 60), 60, 80)
    assert np.array_equal(without_specks(runs, smallest).mask().array(), cleaned(mask, smallest))


def test_islands_below_the_limit_leave_the_largest() -> None:
    mask = np.zeros((20, 20), np.bool_)
    mask[2:4, 2:4] = mask[10:13, 10:13] = True
    runs = enlarged(np.ascontiguousarray(mask.T), (0, 0), (20, 20), 20, 20)
    left = without_specks(runs, 50)
    assert left.area == 9
    assert left.holds(11, 11)
    assert not left.holds(2, 2)


def test_basins_are_the_valleys_of_a_landscape() -> None:
    height = np.zeros((20, 30), np.float32)
    height[:, 12] = 1
    label = basins(height)
    assert label.max() == 1
    assert len(np.unique(label[:, :12])) == 1
    assert len(np.unique(label[:, 13:])) == 1


def test_a_carried_outline_follows_the_picture() -> None:
    rows, columns = np.mgrid[:400, :600]
    disc = (columns - 290) ** 2 + (rows - 210) ** 2 < 130**2
    picture = np.where(disc[..., None], (200, 60, 40), (40, 60, 90)).astype(np.uint8)
    # the small map is half a working pixel off, as one made at that size would be
    small = cv2.resize(np.roll(disc, (4, 4), (0, 1)).astype(np.uint16), (75, 50), interpolation=cv2.INTER_NEAREST)
    carried = carry_to_guide(small, picture).T == 1
    plain = cv2.resize(small, (600, 400), interpolation=cv2.INTER_NEAREST) == 1
    assert (carried ^ disc).sum() < 0.4 * (plain ^ disc).sum()
