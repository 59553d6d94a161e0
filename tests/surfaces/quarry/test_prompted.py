"""/segment/single, /segment/box and /segment/job as document A shows them, checked against pixels."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests.fixtures.server import PHOTOGRAPHS, Site, photograph_size, pixels_in

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_prompted(mask: dict[str, Any], index: int, size: tuple[int, int]) -> None:
    """Area, box and size of a mask of /segment/single are those of its pixels."""
    assert list(mask) == ["mask_index", "mask_data", "confidence", "bbox", "area"]
    assert mask["mask_index"] == index
    assert 0 <= mask["confidence"] <= 1
    pixels = pixels_in(mask["mask_data"])
    assert pixels.shape == size[::-1]
    assert pixels.sum() == mask["area"] > 0
    assert list(mask["bbox"]) == ["x", "y", "width", "height"]
    assert list(mask["bbox"].values()) == tight_box(pixels)


def tight_box(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    """x, y, width, height."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_point_gives_three_masks_as_documented(site: Site, name: str) -> None:
    reply = site.segment("/segment/single", name, points='[{"x": 0.5, "y": 0.5}]')
    assert reply.status_code == 200
    body = reply.json()
    assert list(body) == ["job_id", "status", "model_type", "total_masks", "masks", "created_at", "updated_at"]
    assert UUID.fullmatch(body["job_id"])
    assert body["status"] == "completed"
    assert body["model_type"] == "region-tree"
    assert body["total_masks"] == len(body["masks"]) == 3
    assert TIME.fullmatch(body["created_at"])
    assert TIME.fullmatch(body["updated_at"])
    for index, mask in enumerate(body["masks"]):
        check_prompted(mask, index, photograph_size(name))
    confidences = [mask["confidence"] for mask in body["masks"]]
    assert confidences == sorted(confidences, reverse=True)
    width, height = photograph_size(name)
    assert pixels_in(body["masks"][0]["mask_data"])[height // 2, width // 2]


def test_fractions_are_of_width_and_height(site: Site) -> None:
    width, height = photograph_size("coffee")
    for x, y in [(0, 0), (1, 1), (0, 1), (0.25, 0.75)]:
        reply = site.segment("/segment/single", "coffee", points=f'[{{"x": {x}, "y": {y}}}]').json()
        pixels = pixels_in(reply["masks"][0]["mask_data"])
        assert pixels[min(int(y * height), height - 1), min(int(x * width), width - 1)]


def test_a_background_label_keeps_its_point_out(site: Site) -> None:
    points = '[{"x": 0.45, "y": 0.2}, {"x": 0.05, "y": 0.95, "label": 0}]'
    reply = site.segment("/segment/single", "astronaut", points=points)
    assert reply.status_code == 200
    pixels = pixels_in(reply.json()["masks"][0]["mask_data"])
    assert pixels[int(0.2 * 512), int(0.45 * 512)]
    assert not pixels[int(0.95 * 512), int(0.05 * 512)]


def test_each_box_is_a_prompt_of_its_own(site: Site) -> None:
    boxes = '[{"x1": 0.1, "y1": 0.1, "x2": 0.9, "y2": 0.9}, {"x1": 0, "y1": 0, "x2": 0.5, "y2": 0.5}]'
    body = site.segment("/segment/single", boxes=boxes).json()
    assert body["total_masks"] == 6
    for index, mask in enumerate(body["masks"]):
        check_prompted(mask, index, photograph_size("chelsea"))


def test_points_and_boxes_may_come_together(site: Site) -> None:
    boxes = '[{"x1": 0.1, "y1": 0.1, "x2": 0.9, "y2": 0.9}]'
    assert site.segment("/segment/single", points='[{"x": 0.5, "y": 0.5}]', boxes=boxes).json()["total_masks"] == 6


def test_without_a_prompt_everything_is_segmented(site: Site) -> None:
    body = site.segment("/segment/single").json()
    assert body["total_masks"] == site.segment("/segment/auto").json()["total_masks"] > 3
    check_prompted(body["masks"][-1], body["total_masks"] - 1, photograph_size("chelsea"))


def test_an_empty_field_counts_as_left_out(site: Site) -> None:
    reply = site.segment("/segment/single", points="", boxes="", model_type="")
    assert reply.status_code == 200
    assert reply.json()["total_masks"] > 3


def test_a_job_is_found_again_as_it_was_answered(site: Site) -> None:
    made = site.segment("/segment/single", points='[{"x": 0.5, "y": 0.5}]').json()
    found = site.client.get(f"/segment/job/{made['job_id']}")
    assert found.status_code == 200
    assert found.json() == made


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_box_in_pixels_gives_masks_in_the_form_of_auto(site: Site, name: str) -> None:
    reply = site.segment("/segment/box", name, box='{"x": 100, "y": 100, "width": 200, "height": 200}')
    assert reply.status_code == 200
    assert reply.headers["X-Model"] == "region-tree"
    body = reply.json()
    assert body["total_masks"] == len(body["masks"]) == 3
    for mask in body["masks"]:
        pixels = pixels_in(mask["segmentation"])
        assert pixels.shape == photograph_size(name)[::-1]
        assert pixels.sum() == mask["area"]
        assert tight_box(pixels) == mask["bbox"]


def test_the_best_mask_of_a_box_lies_mostly_in_it(site: Site) -> None:
    box = '{"x": 100, "y": 100, "width": 200, "height": 150}'
    pixels = pixels_in(site.segment("/segment/box", box=box).json()["masks"][0]["segmentation"])
    assert pixels[100:250, 100:300].sum() > 0.5 * pixels.sum()


def test_without_multimask_output_there_is_one_mask(site: Site) -> None:
    box = '{"x": 100, "y": 100, "width": 200, "height": 150}'
    three = site.segment("/segment/box", box=box, multimask_output="true").json()
    one = site.segment("/segment/box", box=box, multimask_output="false").json()
    assert one["total_masks"] == 1
    assert one["masks"] == three["masks"][:1]


def test_the_documented_default_box_is_cut_to_the_picture(site: Site) -> None:
    named = '{"x": 68, "y": 247, "width": 444, "height": 265}'
    default = site.segment("/segment/box", "astronaut")
    assert default.status_code == 200
    assert default.json() == site.segment("/segment/box", "astronaut", box=named).json()


def test_the_default_box_written_out_is_the_default_box(site: Site) -> None:
    default = '{"x": 68, "y": 247, "width": 555, "height": 678}'
    assert site.segment("/segment/box", box=default).json() == site.segment("/segment/box").json()


def test_a_box_may_end_with_the_picture_but_for_rounding(site: Site) -> None:
    width, height = photograph_size("chelsea")
    exact = site.segment("/segment/box", box=f'{{"x": 0, "y": 0, "width": {width}, "height": {height}}}')
    rounded = site.segment("/segment/box", box=f'{{"x": 0, "y": 0, "width": {width}.0000001, "height": {height}}}')
    assert rounded.status_code == 200
    assert rounded.json() == exact.json()
    assert site.segment("/segment/box", box=f'{{"x": 0, "y": 0, "width": {width + 1}, "height": 9}}').status_code == 422
