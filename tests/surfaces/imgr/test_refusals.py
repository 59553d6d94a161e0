"""What bad input gets from document D's routes: ``{detail}``, the right status, and nothing is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fixtures.pictures import encoded, png_of, scene
from tests.fixtures.server import Site, photograph
from tests.surfaces.sam2.test_generate import check_refusal

DEEP = "[" * 100_000
ONE = '[{"x": 5, "y": 5}]'
BAD_PICTURES = {
    "empty": b"",
    "text": b"This is no picture.",
    "truncated": photograph("chelsea")[:5000],
    "gif": encoded(scene(), "GIF"),
    "wide": png_of(4097, 1),
    "high": png_of(1, 4097),
}


@pytest.fixture
def picture(site: Site) -> str:
    """A stored picture's id; asked for before ``unchanged``, it counts as there."""
    return site.upload()


@pytest.mark.parametrize("name", BAD_PICTURES)
@pytest.mark.parametrize("image_type", ["original", "mask"])
def test_what_is_no_picture_is_refused(unchanged: Site, name: str, image_type: str) -> None:
    files = {"file": ("holiday.png", BAD_PICTURES[name], "image/png")}
    reply = unchanged.client.post("/api/upload/image", files=files, data={"image_type": image_type})
    check_refusal(reply, 400)


def test_a_file_of_51_megabytes_is_refused(unchanged: Site) -> None:
    files = {"file": ("a.jpg", photograph("chelsea") + bytes(51 * 2**20))}
    assert "50 MB" in check_refusal(unchanged.client.post("/api/upload/image", files=files), 413)


def test_an_upload_without_a_file_is_refused(unchanged: Site) -> None:
    client = unchanged.client
    for reply in (
        client.post("/api/upload/image"),
        client.post("/api/upload/image", data={"file": "text"}),
        client.post("/api/upload/image", json={"file": "text"}),
        client.post("/api/upload/image", files={"picture": ("a.png", encoded(scene()))}),
    ):
        check_refusal(reply, 422)


def test_an_unknown_image_type_is_refused(unchanged: Site) -> None:
    files = {"file": ("a.png", encoded(scene()))}
    reply = unchanged.client.post("/api/upload/image", files=files, data={"image_type": "sketch"})
    check_refusal(reply, 422)


BAD_CLICKS: list[tuple[str, str]] = [
    ("[", "[1]"),
    ("{}", "[1]"),
    ("null", "[1]"),
    (DEEP, "[1]"),
    ("text", "[1]"),
    ("[[5, 5]]", "[1]"),
    ('[{"x": 5}]', "[1]"),
    ('[{"x": 5, "y": 5, "z": 5}]', "[1]"),
    ('[{"x": "five", "y": 5}]', "[1]"),
    ('[{"x": -1, "y": 5}]', "[1]"),
    ('[{"x": 451, "y": 5}]', "[1]"),
    ('[{"x": 5, "y": 300}]', "[1]"),
    ('[{"x": NaN, "y": 5}]', "[1]"),
    ('[{"x": Infinity, "y": 5}]', "[1]"),
    ('[{"x": -Infinity, "y": 5}]', "[1]"),
    ('[{"x": 1e999, "y": 5}]', "[1]"),
    ("[]", "[]"),
    (ONE, "[]"),
    (ONE, "[1, 1]"),
    ("[]", "[1]"),
    (ONE, "["),
    (ONE, "1"),
    (ONE, "null"),
    (ONE, DEEP),
    (ONE, "[2]"),
    (ONE, "[-1]"),
    (ONE, "[0.5]"),
    (ONE, "[NaN]"),
    (ONE, '["front"]'),
    (ONE, "[[1]]"),
    (ONE, "[" + "9" * 5000 + "]"),
    (json.dumps([{"x": 5, "y": 5}] * 257), json.dumps([1] * 257)),
]


@pytest.mark.parametrize(("points", "labels"), BAD_CLICKS, ids=lambda text: text[:28])
def test_clicks_that_make_no_prompt_are_refused(picture: str, unchanged: Site, points: str, labels: str) -> None:
    fields = {"original_image_id": picture, "points": points, "labels": labels}
    check_refusal(unchanged.client.post("/api/run", data=fields), 422)
    check_refusal(unchanged.client.post("/api/run", json=fields), 422)


def test_a_wrong_count_of_labels_is_said_in_numbers(picture: str, unchanged: Site) -> None:
    body = {"original_image_id": picture, "points": [{"x": 5, "y": 5}], "labels": [1, 0]}
    detail = check_refusal(unchanged.client.post("/api/run", json=body), 422)
    assert detail == "There are 1 points but 2 labels; each point needs one."


def test_a_click_outside_is_told_the_picture_s_size(picture: str, unchanged: Site) -> None:
    body = {"original_image_id": picture, "points": [{"x": 451, "y": 5}], "labels": [1]}
    detail = check_refusal(unchanged.client.post("/api/run", json=body), 422)
    assert detail == "The point (451, 5) lies outside: the picture is 451 x 300 pixels."


@pytest.mark.parametrize("feather", ["-1", "101", "NaN", "inf", "soft"])
def test_a_feather_out_of_range_is_refused(picture: str, unchanged: Site, feather: str) -> None:
    fields = {"original_image_id": picture, "points": ONE, "labels": "[1]", "feather": feather}
    check_refusal(unchanged.client.post("/api/run", data=fields), 422)


@pytest.mark.parametrize("id", ["x", "..", "../../etc/passwd", "a\x00b", "' OR 1=1 --", "x" * 128, "😀"])
def test_an_unknown_picture_is_not_found(unchanged: Site, id: str) -> None:
    fields: dict[str, Any] = {"original_image_id": id, "points": ONE, "labels": "[1]"}
    check_refusal(unchanged.client.post("/api/run", data=fields), 404)
    check_refusal(unchanged.client.post("/api/run", json=fields), 404)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"", 422),
        ("application/json", b"{", 422),
        ("application/json", b"[]", 422),
        ("application/json", b"null", 422),
        ("application/json", b"{}", 422),
        ("application/json", DEEP.encode(), 422),
        ("application/json", b'{"original_image_id": "\xff"}', 422),
        ("application/json", b'{"original_image_id": "\\ud800", "points": [{"x":1,"y":1}], "labels": [1]}', 422),
        ("application/json", b'{"original_image_id": 5, "points": [], "labels": []}', 422),
        ("application/x-www-form-urlencoded", b"", 422),
        ("application/x-www-form-urlencoded", b"points=%5B%5D", 422),
        ("application/x-www-form-urlencoded", b"original_image_id=%ff&points=%ff&labels=%ff", 422),
        ("text/plain", b"hello", 422),
        ("", b"hello", 422),
        ("multipart/form-data", b"hello", 400),
        ("multipart/form-data; boundary=abc", b"hello", 400),
    ],
)
def test_a_body_of_another_kind_is_refused(unchanged: Site, content_type: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    check_refusal(unchanged.client.post("/api/run", content=body, headers=headers), status)


def test_a_run_takes_no_files(unchanged: Site) -> None:
    fields = {"original_image_id": "x", "labels": "[1]"}
    reply = unchanged.client.post("/api/run", data=fields, files={"points": ("p.json", ONE.encode())})
    check_refusal(reply, 400)
