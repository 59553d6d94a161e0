"""Masks are values: made from arrays, crops or COCO's run lengths, asked and joined without being inflated."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.errors import InvalidInput


@st.composite
def arrays(draw: st.DrawFn, size: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Small masks of every density, empty and full ones among them."""
    height, width = size or (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    density = draw(st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0]))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).random((height, width)) < density


def reference(array: NDArray[np.bool_]) -> bytes:
    """What pycocotools makes of the whole frame."""
    counts = coco.encode(np.asfortranarray(array.astype(np.uint8)))["counts"]
    assert isinstance(counts, bytes)
    return counts


@given(arrays())
def test_the_encoding_is_that_of_pycocotools_and_gives_the_array_back(array: NDArray[np.bool_]) -> None:
    mask = Mask.from_array(array)
    assert mask.counts == reference(array)
    assert np.array_equal(mask.array(), array)
    assert mask.area == array.sum()


@given(arrays(), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))
def test_a_crop_encodes_like_the_whole_frame(
    crop: NDArray[np.bool_], above: int, left: int, below: int, right: int
) -> None:
    frame = np.pad(crop, ((above, below), (left, right)))
    assert Mask.from_crop(crop, left, above, *frame.shape).counts == reference(frame)


def test_a_large_number_of_runs_encodes_like_pycocotools() -> None:
    array = np.random.default_rng(7).random((700, 900)) < 0.5
    array[:, 300:600] = False
    assert Mask.from_array(array).counts == reference(array)


@given(arrays(), st.integers(0, 3))
def test_the_crop_is_the_window_of_the_array(array: NDArray[np.bool_], margin: int) -> None:
    mask = Mask.from_array(array)
    assert np.array_equal(array[mask.window(margin)], mask.crop(margin))
    assert mask.crop(margin).sum() == array.sum()


def test_the_box_is_tight_also_where_runs_go_through_whole_columns() -> None:
    array = np.zeros((5, 7), dtype=np.bool_)
    array[:, 2:4] = True
    assert Mask.from_array(array).box == Box(2, 0, 4, 5)
    assert Mask.empty(5, 7).box == Box(0, 0, 0, 0)


@given(arrays())
def test_a_point_is_contained_exactly_where_its_pixel_is_set(array: NDArray[np.bool_]) -> None:
    mask = Mask.from_array(array)
    found = [[mask.contains(Point(x + 0.5, y)) for x in range(array.shape[1])] for y in range(array.shape[0])]
    assert found == array.tolist()


@pytest.mark.parametrize("point", [Point(-0.1, 1), Point(3, 1), Point(1, 2), Point(float("nan"), 1)])
def test_a_point_outside_the_picture_is_in_no_mask(point: Point) -> None:
    assert not Mask.from_array(np.ones((2, 3), dtype=np.bool_)).contains(point)


@given(arrays((6, 5)), arrays((6, 5)), arrays((6, 5)))
def test_unions_intersections_and_overlap_are_those_of_the_arrays(
    a: NDArray[np.bool_], b: NDArray[np.bool_], c: NDArray[np.bool_]
) -> None:
    first, second, third = Mask.from_array(a), Mask.from_array(b), Mask.from_array(c)
    assert first.union(second, third) == Mask.from_array(a | b | c)
    assert first.intersection(second, third) == Mask.from_array(a & b & c)
    either = (a | b).sum()
    assert first.iou(second) == pytest.approx((a & b).sum() / either if either else 0.0)


def test_masks_of_different_pictures_do_not_mix() -> None:
    with pytest.raises(ValueError, match="different sizes"):
        Mask.empty(3, 4).union(Mask.empty(4, 3))
    with pytest.raises(ValueError, match="different sizes"):
        Mask.empty(3, 4).iou(Mask.empty(4, 3))


def test_a_crop_that_reaches_out_of_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="reaches out"):
        Mask.from_crop(np.ones((2, 2), dtype=np.bool_), 3, 0, 4, 4)


@given(arrays())
def test_coco_json_comes_back_as_the_same_value(array: NDArray[np.bool_]) -> None:
    mask = Mask.from_array(array)
    assert Mask.from_coco(json.loads(json.dumps(mask.coco())), mask.size) == mask


def test_uncompressed_counts_with_empty_runs_become_the_same_value() -> None:
    array = np.zeros((4, 3), dtype=np.bool_)
    array[1:3, 1] = True
    plain = {"size": [4, 3], "counts": [5, 2, 5]}
    padded = {"size": [4, 3], "counts": [2, 0, 3, 1, 0, 1, 5, 0]}
    assert Mask.from_coco(plain) == Mask.from_coco(padded) == Mask.from_array(array)


@pytest.mark.parametrize(
    "data",
    [
        None,
        "no object",
        {},
        {"size": [2, 2]},
        {"size": "22", "counts": [4]},
        {"size": [2, 2, 1], "counts": [4]},
        {"size": [2.0, 2], "counts": [4]},
        {"size": [True, 4], "counts": [4]},
        {"size": [0, 4], "counts": []},
        {"size": [-2, -2], "counts": [4]},
        {"size": [2**40, 2**40], "counts": [2**80]},
        {"size": [2, 2], "counts": []},
        {"size": [2, 2], "counts": [3]},
        {"size": [2, 2], "counts": [5]},
        {"size": [2, 2], "counts": [6, -2]},
        {"size": [2, 2], "counts": [2**63, 1]},
        {"size": [2, 2], "counts": [2**62, 2**62, 2**62, 2**62, 4]},
        {"size": [2, 2], "counts": [4.0]},
        {"size": [2, 2], "counts": [float("nan")]},
        {"size": [2, 2], "counts": [True, 3]},
        {"size": [2, 2], "counts": [[4]]},
        {"size": [2, 2], "counts": ""},
        {"size": [2, 2], "counts": "T"},
        {"size": [2, 2], "counts": "oooooooooooooooooooooo0"},
        {"size": [2, 2], "counts": "\x00\xff"},
        {"size": [2, 2], "counts": "é"},
        {"size": [2, 2], "counts": b"zz"},
        {"size": [2, 2], "counts": 4},
    ],
)
def test_run_lengths_that_make_no_mask_are_refused(data: Any) -> None:
    with pytest.raises(InvalidInput):
        Mask.from_coco(data)


@settings(max_examples=300)
@given(st.binary(max_size=40))
def test_any_bytes_as_counts_give_a_whole_mask_or_a_clear_error(counts: bytes) -> None:
    try:
        mask = Mask.from_coco({"size": [3, 5], "counts": counts})
    except InvalidInput:
        return
    assert mask.array().shape == (3, 5)
    assert Mask.from_array(mask.array()) == mask


def test_a_mask_of_another_size_than_the_picture_is_refused() -> None:
    with pytest.raises(InvalidInput, match="4 x 3 pixels, the picture 3 x 4"):
        Mask.from_coco({"size": [3, 4], "counts": [12]}, size=(4, 3))


def test_equal_masks_are_equal_values_and_share_a_hash() -> None:
    array = np.eye(6, dtype=np.bool_)
    assert Mask.from_array(array) == Mask.from_array(array.astype(np.uint8) * 255)
    assert len({Mask.from_array(array), Mask.from_array(array), Mask.empty(6, 6)}) == 2


def test_many_threads_read_the_same_answers() -> None:
    array = np.random.default_rng(3).random((80, 90)) < 0.4
    mask = Mask.from_array(array)
    answers: list[bool] = []

    def ask() -> None:
        same = mask.area == array.sum() and np.array_equal(mask.crop(), array[mask.window()])
        answers.append(bool(same and mask.contains(Point(5, 5)) == array[5, 5]))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 16
