"""What all replies have in common: an error in the words of its surface, a request id, and never a look inside."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from imagequarry.stores.blobs import FolderBlobs
from tests.fixtures.server import Site, open_site, photograph
from tests.surfaces.quarry.test_refusals import check_refusal as check_quarry
from tests.surfaces.sam2.test_generate import check_refusal as check_detail

POINT = '[{"x": 0.5, "y": 0.5}]'
INSIDE = re.compile(r"Traceback|File \"|\.py\b|site-packages|sqlalchemy|sqlite3|/tmp/|/home/|/root/|0x[0-9a-f]{8}")


def is_quarry(reply: httpx2.Response) -> bool:
    return "error_code" in reply.json()


@pytest.mark.parametrize(
    ("path", "quarry"),
    [
        ("/nothing", True),
        ("/segment", True),
        ("/segment/nothing", True),
        ("/segment/job", True),
        ("/models/a/b", True),
        ("/health/nothing", True),
        ("/storage/drive/nothing", True),
        ("/images/a/b/c", False),
        ("/render_masks", False),
        ("/generate_and_store_masks/x", False),
        ("/api", False),
        ("/api/nothing", False),
        ("/api/upload/images", False),
    ],
)
def test_an_address_that_leads_nowhere_is_answered_by_the_nearest_surface(site: Site, path: str, quarry: bool) -> None:
    reply = site.client.get(path)
    if quarry:
        check_quarry(reply, 404, "NOT_FOUND")
    else:
        check_detail(reply, 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed", "quarry"),
    [
        ("GET", "/segment/auto", "POST", True),
        ("DELETE", "/segment/single", "POST", True),
        ("POST", "/segment/job/x", "GET", True),
        ("POST", "/models/", "GET", True),
        ("GET", "/models/x/load", "POST", True),
        ("PUT", "/health/", "GET", True),
        ("POST", "/storage/drive/status", "GET", True),
        ("GET", "/generate_and_store_masks", "POST", False),
        ("PATCH", "/images", "GET", False),
        ("GET", "/render_masks/x", "POST", False),
        ("GET", "/images/x", "DELETE", False),
        ("GET", "/api/run", "POST", False),
        ("PUT", "/api/upload/image", "POST", False),
        ("POST", "/health", "GET", False),
    ],
)
def test_a_method_that_an_address_does_not_take_is_refused(
    site: Site, method: str, path: str, allowed: str, quarry: bool
) -> None:
    reply = site.client.request(method, path)
    if quarry:
        check_quarry(reply, 405, "METHOD_NOT_ALLOWED")
    else:
        check_detail(reply, 405)
    assert reply.headers["Allow"] == allowed


def break_rows(site: Site, statement: str) -> None:
    """What a careless administrator might do to the database of a running server."""
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute(statement)


def test_what_nobody_foresaw_is_answered_in_the_surface_s_words(fresh_site: Site) -> None:
    job = fresh_site.segment("/segment/single", "kitten", points=POINT).json()["job_id"]
    break_rows(fresh_site, "UPDATE segmentations SET created_at = 'yesterday'")
    break_rows(fresh_site, "UPDATE images SET created_at = 'yesterday'")
    client = fresh_site.client
    body = check_quarry(client.get(f"/segment/job/{job}"), 500, "INTERNAL_ERROR")
    assert body["details"] == {}
    run = {"original_image_id": job, "points": [{"x": 1, "y": 1}], "labels": [1]}
    sentences = {
        body["message"],
        check_detail(client.get(f"/images/{job}/info"), 500),
        check_detail(client.get("/images"), 500),
        check_detail(client.post("/api/run", json=run), 500),
    }
    assert len(sentences) == 1
    assert not INSIDE.search(sentences.pop())


def test_the_log_knows_what_the_reply_does_not_tell_under_the_same_id(fresh_site: Site) -> None:
    job = fresh_site.segment("/segment/single", "kitten", points=POINT).json()["job_id"]
    break_rows(fresh_site, "UPDATE segmentations SET created_at = 'yesterday'")
    fresh_site.client.get(f"/segment/job/{job}", headers={"X-Request-ID": "mine-1"})
    lines = [json.loads(line) for line in (fresh_site.folder / "logs" / "application.log").read_text().splitlines()]
    [fault] = [line for line in lines if line.get("request_id") == "mine-1" and line["level"] == "error"]
    assert "Traceback" in fault["exception"]
    assert fault["path"] == f"/segment/job/{job}"


@pytest.mark.parametrize(
    ("statement", "status"), [("DROP TABLE masks", 503), ("ALTER TABLE images RENAME TO pictures", 503)]
)
def test_a_database_that_cannot_be_used_is_answered_in_the_surface_s_words(
    fresh_site: Site, statement: str, status: int
) -> None:
    id = fresh_site.store_masks("kitten")["image_id"]
    break_rows(fresh_site, statement)
    replies = [
        fresh_site.client.get(f"/images/{id}/info"),
        fresh_site.client.get("/images"),
        fresh_site.client.post("/api/upload/image", files={"file": photograph("coffee")}),
    ]
    refused = [check_detail(reply, status) for reply in replies if reply.status_code != 200]
    assert refused
    refused.append(
        check_quarry(fresh_site.segment("/segment/single", "kitten", points=POINT), status, "INTERNAL_ERROR")["message"]
    )
    for sentence in refused:
        assert not INSIDE.search(sentence)


def test_a_picture_that_cannot_be_kept_leaves_no_file(fresh_site: Site) -> None:
    break_rows(fresh_site, "ALTER TABLE images RENAME TO pictures")
    reply = fresh_site.client.post("/api/upload/image", files={"file": photograph("coffee")})
    check_detail(reply, 503)
    break_rows(fresh_site, "ALTER TABLE pictures RENAME TO images")
    assert fresh_site.stored().rows["images"] == 0
    assert fresh_site.client.get("/images").json() == {"images": []}


def test_a_lost_file_is_said_to_be_lost_without_saying_where_it_was(fresh_site: Site) -> None:
    id = fresh_site.store_masks("kitten")["image_id"]
    for blob in fresh_site.stored().blobs:
        (fresh_site.folder / "blobs" / blob).unlink()
    sentence = check_detail(fresh_site.client.get(f"/images/{id}/info"), 503)
    assert not INSIDE.search(sentence)


REPLIES: dict[str, Callable[[Site], httpx2.Response]] = {
    "page": lambda site: site.client.get("/"),
    "docs": lambda site: site.client.get("/docs"),
    "probe": lambda site: site.client.get("/health/live"),
    "masks": lambda site: site.segment("/segment/single", points=POINT),
    "list": lambda site: site.client.get("/images"),
    "redirect": lambda site: site.client.get("/models", follow_redirects=False),
    "not found": lambda site: site.client.get("/nothing"),
    "wrong method": lambda site: site.client.get("/segment/auto"),
    "invalid": lambda site: site.segment("/segment/single", points="["),
    "no picture": lambda site: site.client.post("/segment/auto", files={"image": b"text"}),
    "too large": lambda site: site.client.post("/generate_and_store_masks", content=bytes(80 * 2**20)),
    "preflight": lambda site: site.client.options(
        "/images", headers={"Origin": "http://a.example", "Access-Control-Request-Method": "GET"}
    ),
}


@pytest.mark.parametrize("kind", REPLIES)
def test_every_reply_has_a_request_id_of_its_own(site: Site, kind: str) -> None:
    first, second = (REPLIES[kind](site).headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second


def test_a_caller_s_request_id_is_taken_over_when_it_is_harmless(site: Site) -> None:
    for id in ("abc-123", "550e8400-e29b-41d4-a716-446655440000", "a" * 128):
        assert site.client.get("/health/live", headers={"X-Request-ID": id}).headers["X-Request-ID"] == id
    for id in ("a" * 129, "two words", "a\tb", "<x>", ""):
        assert site.client.get("/health/live", headers={"X-Request-ID": id}).headers["X-Request-ID"] != id


def test_what_the_caller_sent_is_not_repeated_at_length(site: Site) -> None:
    secret = "hunter2" * 1000
    for reply in (
        site.segment("/segment/auto", points_per_side=secret),
        site.segment("/segment/single", points=json.dumps([{"x": secret, "y": 0}])),
        site.segment("/segment/single", model_type="v" + secret[:100]),
        site.client.post("/api/run", json={"original_image_id": "x", "points": secret, "labels": secret}),
        site.client.post("/render_masks/x", json={"render_instructions": secret}),
        site.client.get(f"/models/{secret}"),
    ):
        assert reply.status_code in (404, 422)
        assert secret[:200] not in reply.text
        assert len(reply.content) < 3000


def test_a_page_of_another_origin_can_read_an_unexpected_error(tmp_path: Path) -> None:
    origin = "http://elsewhere.example"
    with open_site(tmp_path, cors_origins=[origin]) as site:
        job = site.segment("/segment/single", "kitten", points=POINT).json()["job_id"]
        break_rows(site, "UPDATE segmentations SET created_at = 'yesterday'")
        reply = site.client.get(f"/segment/job/{job}", headers={"Origin": origin})
    assert reply.status_code == 500
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/ready", "/health/live"])
def test_probes_answer_head_too(site: Site, path: str) -> None:
    reply = site.client.head(path)
    assert (reply.status_code, reply.content) == (200, b"")


def test_nobody_is_told_to_try_again_where_waiting_brings_nothing(site: Site) -> None:
    reply = site.segment("/segment/auto", "kitten", model_type="vit_h")
    assert reply.status_code == 503
    assert "retry-after" not in reply.headers


def test_a_start_removes_files_that_no_picture_names(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        kept = site.store_masks("kitten")["image_id"]
    orphan = FolderBlobs(tmp_path / "blobs").put(b"left behind by a process that was killed")
    with open_site(tmp_path) as site:
        until = time.monotonic() + 60
        while FolderBlobs(tmp_path / "blobs").exists(orphan) and time.monotonic() < until:
            time.sleep(0.05)
        assert not FolderBlobs(tmp_path / "blobs").exists(orphan)
        assert site.client.get(f"/images/{kept}/info").status_code == 200
