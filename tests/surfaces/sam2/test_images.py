"""/images of document C: information, list, mask at a point, deletion; the form of its bodies and its refusals."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from tests.fixtures.server import Site, photograph, photograph_size, pixels_in
from tests.surfaces.sam2.test_generate import check_refusal

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
ODD_IDS = ["x", "%2e%2e", "%00", "%ff", "x" * 3000, "%F0%9F%98%80", "' OR 1=1 --", "%ed%a0%80", "%25"]


def test_a_picture_s_information_is_told_as_documented(site: Site) -> None:
    made = site.store_masks("coffee")
    reply = site.client.get(f"/images/{made['image_id']}/info")
    assert reply.status_code == 200
    body = reply.json()
    assert list(body) == ["image_id", "width", "height", "created_at", "original_image_b64", "available_masks"]
    assert body["image_id"] == made["image_id"]
    width, height = photograph_size("coffee")
    assert (body["width"], body["height"]) == (width, height)
    assert TIME.fullmatch(body["created_at"])
    head, _, payload = body["original_image_b64"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(payload) == photograph("coffee")
    assert [mask["id"] for mask in body["available_masks"]] == made["mask_ids"]
    for mask in body["available_masks"]:
        assert list(mask) == ["id", "area", "bbox", "mask_b64"]
        pixels = pixels_in(mask["mask_b64"])
        assert pixels.shape == (height, width)
        assert pixels.sum() == mask["area"] > 0
        rows, columns = np.nonzero(pixels)
        assert mask["bbox"] == [columns.min(), rows.min(), columns.max(), rows.max()]


def test_pictures_are_listed_the_newest_first(fresh_site: Site) -> None:
    assert fresh_site.client.get("/images").json() == {"images": []}
    made = [fresh_site.store_masks(name) for name in ("chelsea", "coffee")]
    reply = fresh_site.client.get("/images")
    assert reply.status_code == 200
    listed = reply.json()["images"]
    assert [line["image_id"] for line in listed] == [made[1]["image_id"], made[0]["image_id"]]
    for line, one in zip(listed, reversed(made), strict=True):
        assert list(line) == ["image_id", "width", "height", "created_at", "mask_count"]
        assert {"width": line["width"], "height": line["height"]} == one["image_dimensions"]
        assert line["mask_count"] == one["mask_count"]
        assert TIME.fullmatch(line["created_at"])


def test_the_list_is_given_in_parts(fresh_site: Site) -> None:
    ids = [fresh_site.upload() for _ in range(5)][::-1]

    def page(**query: int) -> list[str]:
        return [line["image_id"] for line in fresh_site.client.get("/images", params=query).json()["images"]]

    assert page() == ids
    assert page(limit=2) == ids[:2]
    assert page(limit=2, offset=3) == ids[3:]
    assert page(offset=9) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=1000000", "offset=-1", "offset=99999999999999"]
)
def test_a_part_that_cannot_be_is_refused(site: Site, query: str) -> None:
    check_refusal(site.client.get(f"/images?{query}"), 422)


def test_the_smallest_mask_that_holds_the_pixel_is_found(site: Site) -> None:
    made = site.store_masks("coffee")
    info = site.client.get(f"/images/{made['image_id']}/info").json()["available_masks"]
    masks = {mask["id"]: pixels_in(mask["mask_b64"]) for mask in info}
    areas = {mask["id"]: mask["area"] for mask in info}
    boxes = {mask["id"]: mask["bbox"] for mask in info}
    width, height = photograph_size("coffee")
    spots = [(0, 0), (width - 1, height - 1), (300, 200), (150, 60), (420, 330)]
    seen = set()
    for x, y in spots:
        reply = site.client.get(f"/images/{made['image_id']}/mask_at_point?x={x}&y={y}")
        assert reply.status_code == 200
        body = reply.json()
        assert list(body) == [
            "message", "point", "mask_id", "mask_area", "mask_bbox", "total_containing_masks", "all_containing_masks",
        ]  # fmt: skip
        assert body["point"] == {"x": x, "y": y}
        holding = sorted((id for id in masks if masks[id][y, x]), key=lambda id: areas[id])
        assert sorted(body["all_containing_masks"]) == sorted(holding)
        assert body["total_containing_masks"] == len(holding)
        seen.add(bool(holding))
        if holding:
            assert body["mask_area"] == areas[holding[0]] == areas[body["mask_id"]]
            assert body["mask_id"] in holding
            assert body["mask_bbox"] == boxes[body["mask_id"]]
        else:
            assert (body["mask_id"], body["mask_area"], body["mask_bbox"]) == (None, None, None)
    assert True in seen


def test_where_no_mask_is_the_answer_says_so(site: Site) -> None:
    id = site.upload()
    body = site.client.get(f"/images/{id}/mask_at_point?x=1&y=2").json()
    assert body["message"] == "No mask found containing point (1, 2)"
    assert body["mask_id"] is None
    assert body["total_containing_masks"] == 0
    assert body["all_containing_masks"] == []


@pytest.fixture
def cat(site: Site) -> str:
    """A stored picture's id; asked for before ``unchanged``, it counts as there."""
    return site.upload("chelsea")


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (451, 0), (0, 300), (10**30, 0)])
def test_a_pixel_outside_the_picture_is_refused(cat: str, unchanged: Site, x: int, y: int) -> None:
    detail = check_refusal(unchanged.client.get(f"/images/{cat}/mask_at_point?x={x}&y={y}"), 400)
    assert detail == f"Coordinates ({x}, {y}) are outside image bounds (0-450, 0-299)"


@pytest.mark.parametrize("query", ["", "x=1", "y=1", "x=a&y=1", "x=1.5&y=1", "x=NaN&y=1", "x=&y="])
def test_a_point_that_is_none_is_refused(unchanged: Site, query: str) -> None:
    check_refusal(unchanged.client.get(f"/images/any/mask_at_point?{query}"), 422)


def test_a_deleted_picture_is_gone_with_its_masks_and_its_file(fresh_site: Site) -> None:
    before = fresh_site.stored()
    id = fresh_site.store_masks()["image_id"]
    reply = fresh_site.client.delete(f"/images/{id}")
    assert reply.status_code == 200
    assert reply.json() == {"message": f"Image '{id}' deleted successfully"}
    assert fresh_site.stored() == before
    check_refusal(fresh_site.client.get(f"/images/{id}/info"), 404)
    check_refusal(fresh_site.client.delete(f"/images/{id}"), 404)


def test_a_file_that_another_picture_shares_stays(fresh_site: Site) -> None:
    first, second = (fresh_site.store_masks()["image_id"] for _ in range(2))
    fresh_site.client.delete(f"/images/{first}")
    assert fresh_site.client.get(f"/images/{second}/info").status_code == 200


@pytest.mark.parametrize("id", ODD_IDS)
def test_an_unknown_picture_is_not_found(unchanged: Site, id: str) -> None:
    client = unchanged.client
    for reply in (
        client.get(f"/images/{id}/info"),
        client.get(f"/images/{id}/mask_at_point?x=0&y=0"),
        client.delete(f"/images/{id}"),
        client.post(f"/render_masks/{id}", json={"render_instructions": []}),
        client.post(f"/render_masks/{id}", json={"render_instructions": [{"mask_id": 1}]}),
    ):
        check_refusal(reply, 404)


def test_information_in_an_unknown_format_is_refused(unchanged: Site) -> None:
    check_refusal(unchanged.client.get("/images/x/info", params={"mask_format": "jpeg"}), 422)
