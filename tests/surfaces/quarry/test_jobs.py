"""/jobs: the list with its pages and filters, one job, its result, and deleting it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.background import at_work, batch_ended, ended, hand_in, hand_in_batch, large, small, status_of
from tests.fixtures.modelling import upload
from tests.fixtures.server import Site, open_site

BOX = '{"x": 10, "y": 8, "width": 40, "height": 30}'
POINT = '[{"x": 0.5, "y": 0.5}]'
LINE = [
    *("job_id", "status", "model_type", "total_masks", "created_at", "updated_at", "kind", "filename", "batch_job_id"),
    *("image_id", "total_images", "started_at", "progress", "message", "error_code", "error"),
]
LONG = {"crop_n_layers": "3", "points_per_side": "32"}


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Site]:
    """An application of the test's own that works on jobs."""
    with open_site(tmp_path / "data") as site:
        yield site


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Site]:
    """An application of the test's own in which jobs wait for ever."""
    with open_site(tmp_path / "data", job_workers=0) as site:
        yield site


def single(site: Site) -> dict[str, Any]:
    reply = site.client.post("/segment/single", files={"image": small()}, data={"points": POINT})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def page(site: Site, **query: Any) -> dict[str, Any]:
    reply = site.client.get("/jobs/", params=query)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def refused(reply: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert (reply.status_code, reply.json()["error_code"]) == (status, code), reply.text
    body: dict[str, Any] = reply.json()
    assert list(body) == ["success", "message", "error_code", "details", "timestamp"]
    return body


def test_an_empty_list_has_no_pages(idle: Site) -> None:
    body = page(idle)
    assert list(body) == ["success", "message", "data", "total", "page", "page_size", "total_pages", "timestamp"]
    assert body["message"] == "Jobs retrieved successfully"
    assert (body["data"], body["total"], body["page"], body["page_size"], body["total_pages"]) == ([], 0, 1, 20, 0)


def test_the_list_comes_in_pages_the_newest_first(idle: Site) -> None:
    ids = [hand_in(idle.client, "box", small(), box=BOX) for _ in range(5)]
    pages = [page(idle, page=number, page_size=2) for number in (1, 2, 3, 4)]
    assert [[line["job_id"] for line in each["data"]] for each in pages] == [
        [ids[4], ids[3]],
        [ids[2], ids[1]],
        [ids[0]],
        [],
    ]
    assert {(each["total"], each["total_pages"], each["page_size"]) for each in pages} == {(5, 3, 2)}
    assert [each["page"] for each in pages] == [1, 2, 3, 4]
    assert list(pages[0]["data"][0]) == LINE


def test_the_list_is_filtered_by_status_and_model(working: Site) -> None:
    batch = hand_in_batch(working.client, [b"broken", b"too"])
    batch_ended(working.client, batch)
    done = hand_in(working.client, "box", small(), box=BOX)
    ended(working.client, done)
    running = hand_in(working.client, "auto", large(), **LONG)
    at_work(working.client, running)
    waiting = hand_in(working.client, "auto", small(), model_type="region-tree")
    for status, id in (("completed", done), ("failed", batch), ("running", running), ("pending", waiting)):
        found = page(working, status=status)
        assert [(line["job_id"], line["status"]) for line in found["data"]] == [(id, status)]
        assert found["total"] == 1
    assert page(working, model_type="region-tree")["total"] == 4
    assert page(working, model_type="vit_h")["total"] == 0
    assert page(working, status="completed", model_type="region-tree")["total"] == 1


def test_the_list_is_filtered_by_kind_and_then_shows_the_jobs_of_batches(idle: Site) -> None:
    hand_in(idle.client, "box", small(), box=BOX)
    batch = upload(idle.client, ("cat.png", small()), ("dog.png", small()))["job_id"]
    found = page(idle, kind="make-model")
    assert found["total"] == 2
    assert {(line["filename"], line["kind"], line["batch_job_id"]) for line in found["data"]} == {
        ("cat.png", "make-model", batch),
        ("dog.png", "make-model", batch),
    }
    assert page(idle, kind="unheard-of")["total"] == 0
    assert page(idle)["data"][0]["job_id"] == batch


def test_the_jobs_of_a_batch_come_in_its_order_and_in_pages(idle: Site) -> None:
    batch = upload(idle.client, *((f"{number}.png", small()) for number in range(3)))["job_id"]
    upload(idle.client, ("other.png", small()))
    first, second = (page(idle, batch_job_id=f"task-{batch}", page=number, page_size=2) for number in (1, 2))
    assert [line["filename"] for line in first["data"] + second["data"]] == ["0.png", "1.png", "2.png"]
    assert {(line["batch_job_id"], line["image_id"] == line["job_id"]) for line in first["data"]} == {(batch, True)}
    assert first["total"] == 3
    assert page(idle)["data"][1]["total_images"] == 3
    assert page(idle, batch_job_id=batch, status="failed")["total"] == 0


@pytest.mark.parametrize(
    "query", [{"page": 0}, {"page": "x"}, {"page_size": 0}, {"page_size": 1000}, {"status": "cancelled"}]
)
def test_a_bad_page_or_filter_is_refused(site: Site, query: dict[str, Any]) -> None:
    refused(site.client.get("/jobs/", params=query), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("id", ["job-12345", "task-", "550e8400-e29b-41d4-a716-446655440000", "%00", "x" * 200])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/{}"),
        ("GET", "/jobs/{}/status"),
        ("GET", "/jobs/{}/result"),
        ("DELETE", "/jobs/{}"),
        ("GET", "/segment/batch/{}"),
        ("GET", "/segment/job/{}"),
        ("GET", "/segment/job/{}/visualization"),
    ],
)
def test_an_unknown_id_is_not_found(site: Site, method: str, path: str, id: str) -> None:
    reply = site.client.request(method, path.format(id))
    refused(reply, 404, "JOB_NOT_FOUND")


def test_a_synchronous_segmentation_is_a_job_as_well(working: Site) -> None:
    made = single(working)
    id = made["job_id"]
    (line,) = page(working, status="completed")["data"]
    both = ("job_id", "status", "model_type", "total_masks", "created_at", "updated_at")
    assert {name: line[name] for name in both} == {name: made[name] for name in both}
    assert (line["kind"], line["batch_job_id"], line["error"]) == ("segment-single", None, None)
    assert working.client.get(f"/jobs/task-{id}").json()["data"]["total_masks"] == made["total_masks"] > 0
    status = status_of(working.client, id)
    assert (status["status"], status["progress"], status["processed_images"]) == ("completed", 1.0, 1)
    assert working.client.get(f"/jobs/{id}/result").json() == made
    assert working.client.get(f"/segment/job/{id}").json() == made
    assert working.client.delete(f"/jobs/{id}").status_code == 200
    refused(working.client.get(f"/segment/job/{id}"), 404, "JOB_NOT_FOUND")
    assert set(working.stored().rows.values()) == {0}
    assert working.stored().blobs == frozenset()


def test_a_result_that_is_asked_for_too_early_is_a_conflict_that_tells_the_status(idle: Site) -> None:
    batch = hand_in_batch(idle.client, [small()])
    for id, paths in (
        (
            hand_in(idle.client, "auto", small()),
            ("/jobs/{}/result", "/segment/job/{}", "/segment/job/{}/visualization"),
        ),
        (batch, ("/jobs/{}/result",)),
    ):
        for path in paths:
            body = refused(idle.client.get(path.format(id)), 409, "HTTP_ERROR")
            assert body["details"] == {"status": "pending", "progress": 0.0}
            assert "not started" in body["message"]


def test_the_result_of_a_running_job_is_a_conflict_that_tells_its_progress(working: Site) -> None:
    id = hand_in(working.client, "auto", large(), **LONG)
    at_work(working.client, id)
    body = refused(working.client.get(f"/jobs/{id}/result"), 409, "HTTP_ERROR")
    assert body["details"]["status"] == "running"
    assert 0 < body["details"]["progress"] < 1
    assert "still running" in body["message"]


def test_the_result_of_a_failed_job_says_why_it_failed(working: Site) -> None:
    batch = hand_in_batch(working.client, [b"broken"])
    child = batch_ended(working.client, batch)["jobs"][0]
    body = refused(working.client.get(f"/jobs/{child['job_id']}/result"), 409, "HTTP_ERROR")
    assert body["details"]["status"] == "failed"
    assert body["details"]["error_code"] == "INVALID_PICTURE"
    assert child["error"] in body["message"]


def test_a_job_without_masks_says_where_its_result_is(working: Site) -> None:
    batch = hand_in_batch(working.client, [small()], points=[[{"x": 0.5, "y": 0.5}]])
    batch_ended(working.client, batch)
    body = refused(working.client.get(f"/segment/job/{batch}"), 409, "HTTP_ERROR")
    assert "/jobs/" in body["message"]


def test_of_clients_that_delete_a_job_at_once_one_succeeds(working: Site) -> None:
    ids = [
        single(working)["job_id"],
        hand_in_batch(working.client, [small(n) for n in range(6)]),
        hand_in(working.client, "auto", large(), **LONG),
    ]
    at_work(working.client, ids[2])
    for id in ids:
        together = threading.Barrier(6)

        def delete(_: int, id: str = id, together: threading.Barrier = together) -> int:
            together.wait(10)
            return int(working.client.delete(f"/jobs/{id}").status_code)

        with ThreadPoolExecutor(6) as clients:
            codes = sorted(clients.map(delete, range(6)))
        assert codes == [200, 404, 404, 404, 404, 404]
    assert page(working)["total"] == 0
    assert set(working.stored().rows.values()) == {0}
    assert working.stored().blobs == frozenset()


def test_old_jobs_go_with_all_they_keep_and_younger_ones_stay(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_site(folder) as site:
        cut = hand_in(site.client, "objects/extract", small(), min_pixels="200")
        old = [single(site)["job_id"], cut, hand_in_batch(site.client, [small(5), b"broken", small(6)])]
        young = hand_in(site.client, "box", small(7), box=BOX)
        upload = site.upload()
        for id in (*old, young):
            ended(site.client, id)
        assert len(site.stored().results) >= 2
    with closing(sqlite3.connect(folder / "imagequarry.db")) as connection:
        ago = (datetime.now(UTC) - timedelta(hours=200)).replace(tzinfo=None)
        places = ",".join("?" * len(old))
        connection.execute(f"UPDATE jobs SET finished = ? WHERE id IN ({places})", (ago.isoformat(" "), *old))
        connection.commit()
    with open_site(folder) as site:
        for id in old:
            gone(site, id)
        assert [line["job_id"] for line in page(site)["data"]] == [young]
        assert site.client.get(f"/jobs/{young}/result").json()["total_masks"] == 3
        assert site.client.get(f"/images/{upload}/info").status_code == 200
        assert site.stored().rows["images"] == len(site.stored().blobs) == 2
        assert site.stored().rows["segmentations"] == 1
        assert site.stored().results == frozenset()


def gone(site: Site, id: str) -> None:
    """Return once the job is not there any more."""
    for _ in range(200):
        if site.client.get(f"/jobs/{id}").status_code == 404:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the old job stays")
