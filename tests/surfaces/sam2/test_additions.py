"""What surface C takes and tells beyond its document, for whoever draws masks himself."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from imagequarry.domain.mask import Mask
from tests.fixtures.server import Site, photograph, photograph_size, picture_in, pixels_in


def square(site: Site, id: str, side: int = 40) -> dict[str, Any]:
    """A mask of the picture that nobody stored."""
    body = site.client.get(f"/images/{id}/info?picture=false").json()
    array = np.zeros((body["height"], body["width"]), dtype=np.uint8)
    array[20 : 20 + side, 30 : 30 + side] = 1
    return dict(Mask.from_array(array).coco())


def test_masks_come_with_their_scores_and_without_the_picture(site: Site) -> None:
    id = site.store_masks("kitten")["image_id"]
    reply = site.client.get(f"/images/{id}/info?picture=false&scores=true&mask_format=rle")
    assert reply.headers["X-Model"] == "region-tree"
    body = reply.json()
    assert "original_image_b64" not in body
    assert body["available_masks"]
    for mask in body["available_masks"]:
        assert 0 <= mask["predicted_iou"] <= 1
        assert 0 <= mask["stability_score"] <= 1
        assert Mask.from_coco(mask["mask_b64"]).area == mask["area"]
    plain = site.client.get(f"/images/{id}/info").json()
    assert set(plain["available_masks"][0]) == {"id", "area", "bbox", "mask_b64"}


def test_a_kept_picture_is_searched_without_sending_it_again(site: Site) -> None:
    id = site.upload("kitten")
    first = site.client.post(f"/generate_and_store_masks?image_id={id}", json={})
    assert first.status_code == 200, first.text
    assert first.json()["image_id"] == id
    stored = site.client.get(f"/images/{id}/info?picture=false").json()["available_masks"]
    assert [mask["id"] for mask in stored] == first.json()["mask_ids"] != []
    again = site.client.post(f"/generate_and_store_masks?image_id={id}&pred_iou_thresh=0.7", json={})
    assert again.json()["mask_count"] < first.json()["mask_count"]
    assert len(site.client.get(f"/images/{id}/info").json()["available_masks"]) == again.json()["mask_count"]


def test_without_a_picture_there_is_nothing_to_search(site: Site) -> None:
    assert site.client.post("/generate_and_store_masks", json={}).status_code == 422
    assert site.client.post("/generate_and_store_masks?image_id=nobodys", json={}).status_code == 404


def test_lower_thresholds_store_more_masks(site: Site) -> None:
    body = {"original_image_b64": base64.b64encode(photograph("kitten")).decode()}
    counts = [
        site.client.post(f"/generate_and_store_masks?pred_iou_thresh={threshold}", json=body).json()["mask_count"]
        for threshold in (0.7, 0.2)
    ]
    assert counts[0] < counts[1]


def test_any_mask_of_the_picture_is_painted(site: Site) -> None:
    id = site.upload("kitten")
    steps = [{"mask": square(site, id), "color": [10, 200, 30, 255]}]
    reply = site.client.post(f"/render_masks/{id}", json={"render_instructions": steps})
    assert reply.status_code == 200, reply.text
    pixels = np.asarray(picture_in(reply.json()["rendered_image_b64"]))
    assert (pixels[20:60, 30:70] == [10, 200, 30, 255]).all()
    assert pixels[..., 3].sum() == 255 * 40 * 40


def test_a_feather_cuts_all_masks_out_with_one_soft_edge(site: Site) -> None:
    id = site.upload("kitten")
    body = {"render_instructions": [{"mask": square(site, id)}], "feather": 10}
    alpha = np.asarray(picture_in(site.client.post(f"/render_masks/{id}", json=body).json()["rendered_image_b64"]))[
        ..., 3
    ]
    assert alpha[40, 50] == 255
    assert 0 < alpha[40, 28] < alpha[40, 32] < 255
    assert alpha[5, 5] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"render_instructions": [{"color": None}]}, "mask_id"),
        ({"render_instructions": [{"mask_id": 1, "mask": {"size": [1, 1], "counts": "1"}}]}, "mask_id"),
        ({"render_instructions": [{"mask": {"size": [1, 1], "counts": "1"}}]}, "1 x 1"),
        ({"render_instructions": [{"mask": {"size": "x"}}]}, "size"),
        ({"render_instructions": [{"mask_id": 1, "color": [1, 2, 3, 4]}], "feather": 2}, "feather"),
        ({"render_instructions": [], "feather": 101}, "feather"),
    ],
)
def test_what_cannot_be_painted_is_refused(site: Site, change: dict[str, Any], said: str) -> None:
    id = site.upload("kitten")
    reply = site.client.post(f"/render_masks/{id}", json=change)
    assert reply.status_code == 422
    assert said in reply.json()["detail"]


def test_a_click_answers_with_masks_alone_and_takes_a_box(site: Site) -> None:
    id = site.upload("kitten")
    width, height = photograph_size("kitten")
    box = {"x": width / 4, "y": height / 4, "width": width / 2, "height": height / 2}
    asked = {"original_image_id": id, "points": [], "labels": [], "box": box}
    drawn = site.client.post("/api/run", json={**asked, "mask_format": "rle"}).json()["results"]
    assert [set(result) for result in drawn] == [{"mask", "score"}] * 3
    whole = site.client.post("/api/run", json=asked).json()["results"]
    for short, long in zip(drawn, whole, strict=True):
        assert (Mask.from_coco(short["mask"]).array() == pixels_in(long["mask"])).all()
