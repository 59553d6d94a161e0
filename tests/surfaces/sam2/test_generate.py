"""/generate_and_store_masks as document C shows it, and what bad input gets from it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from tests.fixtures.pictures import encoded, png_of, scene
from tests.fixtures.server import PHOTOGRAPHS, Site, open_site, photograph, photograph_size

DEEP = "[" * 100_000


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def generate(site: Site, picture: str, **query: str) -> httpx2.Response:
    return site.client.post("/generate_and_store_masks", json={"original_image_b64": picture}, params=query)


def check_refusal(reply: httpx2.Response, status: int) -> str:
    """The reply is ``{detail}`` with that status; its sentence."""
    assert reply.status_code == status, reply.text
    assert list(reply.json()) == ["detail"]
    assert reply.headers["X-Request-ID"]
    detail = reply.json()["detail"]
    assert isinstance(detail, str)
    assert detail
    return detail


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("head", ["", "data:image/jpeg;base64,", "data:image/png;base64,"])
def test_masks_are_generated_and_stored_as_documented(site: Site, name: str, head: str) -> None:
    reply = generate(site, head + base64_of(photograph(name)))
    assert reply.status_code == 200
    assert reply.headers["X-Model"] == "region-tree"
    body = reply.json()
    assert list(body) == ["message", "image_id", "mask_count", "image_dimensions", "mask_ids"]
    assert body["message"] == "Masks generated and stored successfully"
    assert re.fullmatch(r"img_\d{8}_\d{6}_[0-9a-f]{8}", body["image_id"])
    width, height = photograph_size(name)
    assert body["image_dimensions"] == {"width": width, "height": height}
    assert body["mask_count"] >= 5
    assert body["mask_ids"] == list(range(1, body["mask_count"] + 1))


@pytest.mark.parametrize("id", ["my picture", "cat-1", "日本語", "a" * 128, "50%?#&"])
def test_the_caller_may_name_the_picture(fresh_site: Site, id: str) -> None:
    body = generate(fresh_site, base64_of(encoded(scene())), image_id=id).json()
    assert body["image_id"] == id
    assert fresh_site.client.get(f"/images/{quote(id)}/info").json()["image_id"] == id


def test_the_same_picture_may_be_segmented_again_under_its_id(fresh_site: Site) -> None:
    first = generate(fresh_site, base64_of(photograph("chelsea")), image_id="cat").json()
    assert generate(fresh_site, base64_of(photograph("chelsea")), image_id="cat").json() == first
    assert fresh_site.stored().rows["images"] == 1


def test_another_picture_does_not_take_an_id_that_is_taken(fresh_site: Site) -> None:
    generate(fresh_site, base64_of(photograph("chelsea")), image_id="cat")
    uploaded = fresh_site.upload()
    before = fresh_site.stored()
    for id in ("cat", uploaded):
        check_refusal(generate(fresh_site, base64_of(encoded(scene())), image_id=id), 400)
    assert fresh_site.stored() == before


@pytest.mark.parametrize("id", ["", "a" * 129, "a\x00b", "a\nb", "a/b", "/", ".", ".."])
def test_an_id_that_no_address_could_hold_is_refused(unchanged: Site, id: str) -> None:
    check_refusal(generate(unchanged, base64_of(encoded(scene())), image_id=id), 422)


def test_the_same_picture_is_kept_in_one_file(fresh_site: Site) -> None:
    for _ in range(3):
        generate(fresh_site, base64_of(photograph("chelsea")))
    stored = fresh_site.stored()
    assert stored.rows["images"] == 3
    assert len(stored.blobs) == 1


BAD_PICTURES: dict[str, tuple[str, int]] = {
    "nothing": ("", 400),
    "no base64": ("It is no base64!", 400),
    "text": (base64_of(b"This is no picture."), 400),
    "truncated": (base64_of(photograph("chelsea")[:5000]), 400),
    "cut base64": (base64_of(photograph("chelsea"))[:4001], 400),
    "data URL of text": ("data:text/plain,hello", 400),
    "data URL without payload": ("data:image/png;base64,", 400),
    "gif": (base64_of(encoded(scene(), "GIF")), 400),
    "wide": (base64_of(png_of(4097, 1)), 400),
    "high": ("data:image/png;base64," + base64_of(png_of(1, 4097)), 400),
    "lone surrogate": ("\ud800", 400),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_what_is_no_picture_is_refused(unchanged: Site, name: str) -> None:
    picture, status = BAD_PICTURES[name]
    body = '{"original_image_b64": "\\ud800"}' if name == "lone surrogate" else None
    if body is None:
        check_refusal(generate(unchanged, picture), status)
    else:
        headers = {"Content-Type": "application/json"}
        check_refusal(unchanged.client.post("/generate_and_store_masks", content=body, headers=headers), status)


def test_a_picture_of_51_megabytes_is_refused(unchanged: Site) -> None:
    reply = generate(unchanged, base64_of(photograph("chelsea") + bytes(51 * 2**20)))
    assert "50 MB" in check_refusal(reply, 413)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        "{}",
        '{"original_image_b64": null}',
        '{"original_image_b64": 5}',
        '{"original_image_b64": ["a"]}',
        '{"image": "a"}',
    ],
    ids=lambda text: text[:36],
)
def test_a_body_that_says_no_picture_is_refused(unchanged: Site, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    reply = unchanged.client.post("/generate_and_store_masks", content=body.encode(), headers=headers)
    check_refusal(reply, 422)


@pytest.mark.parametrize("body", [b'{"a": "\xff\xfe"}', DEEP.encode(), b'{"original_image_b64": ' + b"9" * 5000 + b"}"])
def test_a_body_that_cannot_be_read_at_all_is_refused(unchanged: Site, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    check_refusal(unchanged.client.post("/generate_and_store_masks", content=body, headers=headers), 400)


def test_a_form_is_refused(unchanged: Site) -> None:
    client = unchanged.client
    check_refusal(client.post("/generate_and_store_masks", data={"original_image_b64": "x"}), 422)
    check_refusal(client.post("/generate_and_store_masks", files={"original_image_b64": b"x"}), 422)


def test_a_model_without_weights_as_the_default_is_refused_with_the_way_to_get_them(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", default_model="vit_h") as site:
        detail = check_refusal(generate(site, base64_of(photograph("chelsea"))), 503)
        assert "imagequarry models pull vit_h" in detail
        assert site.stored().rows["images"] == 0
