"""The edge network: shapes at any size, thread safety, and steps found at the right place in the right direction."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from imagequarry.engines.embedded.region_tree.edge_net import ORIENTATIONS, edge_net


def two_colours(angle: float, side: int = 128) -> NDArray[np.uint8]:
    """Two flat colours that meet in a line through the middle along (cos, sin) of `angle`, y downward."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    beyond = y * np.cos(angle) - x * np.sin(angle) > 0
    return np.where(beyond[..., None], np.array([200, 170, 60], np.uint8), np.array([40, 60, 130], np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (16, 16), (17, 33), (321, 481), (500, 31)])
def test_every_size_has_one_strength_per_pixel_and_direction(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    seen = edge_net()(picture)
    assert seen.strength.shape == (*size, ORIENTATIONS)
    assert seen.strength.dtype == np.float32
    assert seen.strength.min() >= 0
    assert seen.strength.max() <= 1
    assert seen.grouping.shape == (-(-size[0] // 4), -(-size[1] // 4), 12)
    assert np.isfinite(seen.grouping).all()


def test_threads_get_what_one_caller_gets() -> None:
    picture = astronaut()[::2, ::2]
    pictures = [np.ascontiguousarray(picture[: 256 - 16 * (i % 3), i:]) for i in range(12)]
    alone = [edge_net()(p) for p in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(edge_net(), pictures))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.strength, other.strength)
        np.testing.assert_array_equal(one.grouping, other.grouping)


def test_a_later_picture_does_not_change_an_earlier_answer() -> None:
    net = edge_net()
    first = net(two_colours(0.0))
    kept = first.strength.copy(), first.grouping.copy()
    net(two_colours(1.0))
    np.testing.assert_array_equal(first.strength, kept[0])
    np.testing.assert_array_equal(first.grouping, kept[1])


@pytest.mark.parametrize("direction", range(ORIENTATIONS))
def test_a_step_between_two_colours_is_found_with_its_direction(direction: int) -> None:
    strength = edge_net()(two_colours(direction * np.pi / ORIENTATIONS)).strength
    middle = strength[56:72, 56:72].max((0, 1))
    assert middle.argmax() == direction
    assert middle[direction] > 0.5
    assert middle[(direction + ORIENTATIONS // 2) % ORIENTATIONS] < 0.3 * middle[direction]


def test_the_strongest_pixels_lie_on_the_line() -> None:
    strength = edge_net()(two_colours(np.pi / 2)).strength.max(-1)
    assert np.abs(strength[32:96].argmax(1) - 63.5).max() <= 2
    assert strength[32:96, :40].max() < 0.2


def test_a_flat_picture_has_no_boundaries() -> None:
    assert edge_net()(np.full((160, 240, 3), 120, np.uint8)).strength.max() < 0.1


def test_cells_of_one_colour_group_and_of_two_do_not() -> None:
    grouping = edge_net()(two_colours(np.pi / 2)).grouping
    left, right, far_left = grouping[16, 8], grouping[16, 24], grouping[24, 4]
    assert ((left - far_left) ** 2).sum() < ((left - right) ** 2).sum()
    assert ((left - right) ** 2).sum() > 3
