"""What bad input gets from document A's routes: its own envelope, the right code, and nothing is kept."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from tests.fixtures.pictures import encoded, png_of, scene
from tests.fixtures.server import Site, photograph

ROUTES = ("/segment/single", "/segment/auto", "/segment/box", "/segment/objects/extract")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DEEP = "[" * 100_000
POINTS = '[{"x": 0.5, "y": 0.5}]'


def check_refusal(reply: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The reply is document A's error of that status and code."""
    assert reply.status_code == status, reply.text
    body: dict[str, Any] = reply.json()
    assert list(body) == ["success", "message", "error_code", "details", "timestamp"]
    assert body["success"] is False
    assert body["error_code"] == code
    assert body["message"]
    assert isinstance(body["details"], dict)
    assert TIME.fullmatch(body["timestamp"])
    assert reply.headers["X-Request-ID"]
    return body


BAD_PICTURES: dict[str, bytes] = {
    "empty": b"",
    "text": b"This is no picture.",
    "truncated jpeg": photograph("chelsea")[:5000],
    "corrupt png": photograph("chelsea", "PNG")[:3000] + bytes(2000),
    "gif": encoded(scene(), "GIF"),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "wide": png_of(4097, 1),
    "high": png_of(1, 4097),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", BAD_PICTURES)
def test_what_is_no_picture_is_refused_whatever_its_name(unchanged: Site, route: str, name: str) -> None:
    files = {"image": ("holiday.png", BAD_PICTURES[name], "image/png")}
    check_refusal(unchanged.client.post(route, files=files), 400, "IMAGE_VALIDATION_ERROR")


def test_the_longest_side_that_is_allowed_is_taken(site: Site) -> None:
    files = {"image": ("a.png", png_of(4096, 1))}
    assert site.client.post("/segment/single", files=files, data={"points": POINTS}).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
def test_a_file_of_51_megabytes_is_refused(unchanged: Site, route: str) -> None:
    data = photograph("chelsea") + bytes(51 * 2**20)
    reply = unchanged.client.post(route, files={"image": ("a.jpg", data)})
    body = check_refusal(reply, 413, "IMAGE_VALIDATION_ERROR")
    assert "50 MB" in body["message"]


BAD_POINTS = [
    "[",
    "{}",
    "null",
    "7",
    '"text"',
    DEEP,
    "[[0.5, 0.5]]",
    '[{"x": 0.5}]',
    '[{"x": 0.5, "y": 0.5, "z": 1}]',
    '[{"x": "left", "y": 0.5}]',
    '[{"x": null, "y": 0.5}]',
    '[{"x": 1.01, "y": 0.5}]',
    '[{"x": 0.5, "y": -0.01}]',
    '[{"x": 150, "y": 200}]',
    '[{"x": NaN, "y": 0.5}]',
    '[{"x": Infinity, "y": 0.5}]',
    '[{"x": -Infinity, "y": 0.5}]',
    '[{"x": 1e400, "y": 0.5}]',
    '[{"x": 0.5, "y": 0.5, "label": 2}]',
    '[{"x": 0.5, "y": 0.5, "label": -1}]',
    "[" + ", ".join(['{"x": 0.5, "y": 0.5}'] * 257) + "]",
]


@pytest.mark.parametrize("points", BAD_POINTS, ids=lambda text: text[:36])
def test_points_that_make_no_prompt_are_refused(unchanged: Site, points: str) -> None:
    body = check_refusal(unchanged.segment("/segment/single", points=points), 422, "VALIDATION_ERROR")
    assert "points" in body["message"]


def test_a_point_out_of_range_is_told_its_range(unchanged: Site) -> None:
    body = check_refusal(unchanged.segment("/segment/single", points='[{"x": 1.5, "y": 0}]'), 422, "VALIDATION_ERROR")
    assert body["message"] == "points[0].x: Input should be less than or equal to 1"


BAD_BOXES = [
    "[",
    "{}",
    DEEP,
    "[[0, 0, 1, 1]]",
    '[{"x1": 0.1, "y1": 0.1, "x2": 0.9}]',
    '[{"x1": 0.1, "y1": 0.1, "x2": 1.1, "y2": 0.9}]',
    '[{"x1": 0.1, "y1": 0.1, "x2": NaN, "y2": 0.9}]',
    '[{"x1": 0.9, "y1": 0.1, "x2": 0.1, "y2": 0.9}]',
    '[{"x1": 0.1, "y1": 0.1, "x2": 0.1, "y2": 0.9}]',
    "[" + ", ".join(['{"x1": 0.1, "y1": 0.1, "x2": 0.9, "y2": 0.9}'] * 257) + "]",
]


@pytest.mark.parametrize("boxes", BAD_BOXES, ids=lambda text: text[:36])
def test_boxes_that_make_no_prompt_are_refused(unchanged: Site, boxes: str) -> None:
    check_refusal(unchanged.segment("/segment/single", boxes=boxes), 422, "VALIDATION_ERROR")


BAD_BOX = [
    "{",
    "[1, 2, 3, 4]",
    "null",
    DEEP,
    '{"x": 1, "y": 1, "width": 5}',
    '{"x": 1, "y": 1, "width": 0, "height": 5}',
    '{"x": 1, "y": 1, "width": -5, "height": 5}',
    '{"x": -1, "y": 1, "width": 5, "height": 5}',
    '{"x": 440, "y": 1, "width": 50, "height": 5}',
    '{"x": 1, "y": 299, "width": 5, "height": 2}',
    '{"x": NaN, "y": 1, "width": 5, "height": 5}',
    '{"x": 1, "y": 1, "width": Infinity, "height": 5}',
    '{"x": 1e308, "y": 1, "width": 1e308, "height": 5}',
]


@pytest.mark.parametrize("box", BAD_BOX, ids=lambda text: text[:44])
def test_a_box_that_makes_no_prompt_is_refused(unchanged: Site, box: str) -> None:
    body = check_refusal(unchanged.segment("/segment/box", box=box), 422, "VALIDATION_ERROR")
    assert "box" in body["message"]


def test_where_the_default_box_lies_outside_the_caller_is_told_to_name_one(unchanged: Site) -> None:
    files = {"image": ("a.png", encoded(scene()))}
    body = check_refusal(unchanged.client.post("/segment/box", files=files), 422, "VALIDATION_ERROR")
    assert "64 x 48" in body["message"]


@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_model_is_refused_with_what_may_have_been_meant(unchanged: Site, route: str) -> None:
    for name in ("vit_x", "../../etc/passwd", "auto ", "\x00", "x" * 129):
        body = check_refusal(unchanged.segment(route, model_type=name), 422, "VALIDATION_ERROR")
        assert "model_type" in body["message"]
    assert "Did you mean" in unchanged.segment(route, model_type="vit_x").json()["message"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("model", ["vit_h", "vit_l", "vit_b"])
def test_a_model_without_weights_is_refused_with_the_way_to_get_them(unchanged: Site, route: str, model: str) -> None:
    reply = unchanged.segment(route, model_type=model)
    body = check_refusal(reply, 503, "MODEL_ERROR")
    assert f"imagequarry models pull {model}" in body["message"]
    assert body["details"]["command"] == f"imagequarry models pull {model}"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("points_per_side", ["0", "-1", "129", "1e3", "many", "NaN", "9" * 5000]),
        ("pred_iou_thresh", ["-0.1", "1.1", "NaN", "inf", "high"]),
        ("stability_score_thresh", ["-0.1", "1.1", "NaN", "-inf", "high"]),
        ("crop_n_layers", ["-1", "4", "x"]),
        ("crop_n_points_downscale_factor", ["0", "17", "x"]),
        ("min_mask_region_area", ["-1", "x", "1.5"]),
        ("min_area", ["-1", "x"]),
        ("max_time_ms", ["0", "-5", "x"]),
        ("mask_format", ["jpeg", "PNG", "rle2"]),
    ],
)
def test_a_parameter_of_auto_out_of_its_range_is_refused(unchanged: Site, field: str, values: list[str]) -> None:
    for value in values:
        body = check_refusal(unchanged.segment("/segment/auto", **{field: value}), 422, "VALIDATION_ERROR")
        assert field in body["message"]
        assert body["details"]["errors"][0]["loc"] == ["body", field]


@pytest.mark.parametrize(
    "save_dir",
    [
        "..",
        "/etc",
        "results/../..",
        "./results/../../x",
        "a/../b",
        "C:\\x",
        "a\\b",
        "\x00",
        "a\nb",
        "a" * 300,
        "~\u202e",
    ],
)
def test_a_folder_that_leads_out_is_refused(unchanged: Site, save_dir: str) -> None:
    reply = unchanged.segment("/segment/objects/extract", save_dir=save_dir)
    check_refusal(reply, 422, "VALIDATION_ERROR")


def test_a_folder_that_leads_out_through_a_link_is_refused(fresh_site: Site) -> None:
    outside = fresh_site.folder.parent / "outside"
    outside.mkdir()
    (fresh_site.folder / "results").mkdir()
    (fresh_site.folder / "results" / "link").symlink_to(outside)
    reply = fresh_site.segment("/segment/objects/extract", save_dir="link")
    check_refusal(reply, 422, "VALIDATION_ERROR")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"), [("min_pixels", "-1"), ("min_pixels", "few"), ("save_to_drive", "perhaps")]
)
def test_a_parameter_of_extract_out_of_its_range_is_refused(unchanged: Site, field: str, value: str) -> None:
    reply = unchanged.segment("/segment/objects/extract", **{field: value})
    check_refusal(reply, 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("route", ROUTES)
def test_an_empty_form_is_refused(unchanged: Site, route: str) -> None:
    client = unchanged.client
    for reply in (client.post(route), client.post(route, data={"image": "text"}), client.post(route, data={"x": "1"})):
        body = check_refusal(reply, 422, "VALIDATION_ERROR")
        assert body["details"]["errors"][0]["loc"] == ["body", "image"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("application/json", DEEP.encode()),
        ("text/plain", b"image"),
        ("application/x-www-form-urlencoded", b"image=\xff\xfe"),
        ("", b"\x89PNG"),
    ],
)
def test_a_body_of_another_kind_is_refused(unchanged: Site, route: str, content_type: str, body: bytes) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    check_refusal(unchanged.client.post(route, content=body, headers=headers), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("boundary", ["", "; boundary=abc"])
def test_a_broken_form_is_refused(unchanged: Site, route: str, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    reply = unchanged.client.post(route, content=b"no form at all", headers=headers)
    check_refusal(reply, 400, "HTTP_ERROR")


@pytest.mark.parametrize(
    "id", ["nothing", "%2e%2e", "%00", "%ff", "x" * 3000, "%F0%9F%98%80", "' OR 1=1 --", "%ed%a0%80"]
)
def test_an_unknown_job_is_not_found(unchanged: Site, id: str) -> None:
    for path in (f"/segment/job/{id}", f"/segment/job/{id}/visualization"):
        check_refusal(unchanged.client.get(path), 404, "JOB_NOT_FOUND")


def test_a_job_in_an_unknown_format_is_refused(unchanged: Site) -> None:
    reply = unchanged.client.get("/segment/job/x", params={"mask_format": "jpeg"})
    check_refusal(reply, 422, "VALIDATION_ERROR")
