"""Document B's directories: scanned, processed at once and in the background."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.surfaces.context.conftest import Home
from tests.surfaces.context.test_models import TIME, check_refusal

SECONDS = 60.0


def fill(home: Home) -> None:
    """Two pictures, a broken one, notes, and a folder with one more."""
    home.put("one.jpg", "kitten")
    home.put("two.png", "kitten", "PNG")
    (home.pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    (home.pictures / "notes.txt").write_text("notes")
    home.put("inner/three.jpg", "rocket")


def process(home: Home, folder: Path, **given: Any) -> Any:
    reply = home.site.client.post("/api/v1/directories/process", json={"directory_path": str(folder), **given})
    assert reply.status_code == 200, reply.text
    return reply.json()


def ended(home: Home, task_id: str) -> Any:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        status = home.get(f"/api/v1/directories/task/{task_id}")
        if status["status"] in ("completed", "failed"):
            return status
        time.sleep(0.02)
    raise AssertionError("The task did not end.")


def test_a_scan_lists_pictures_by_name_and_opens_nothing(home: Home) -> None:
    fill(home)
    scanned = home.get("/api/v1/directories/scan", directory_path=str(home.pictures))
    assert [file["filename"] for file in scanned["files"]] == ["broken.jpg", "one.jpg", "two.png"]
    assert scanned["total_files"] == 3
    assert scanned["total_size"] == sum(file["file_size"] for file in scanned["files"])
    assert (scanned["recursive"], scanned["truncated"], scanned["failed_files"]) == (False, False, [])
    assert scanned["files"][1]["path"] == str(home.pictures / "one.jpg")
    inner = home.get("/api/v1/directories/scan", directory_path=str(home.pictures), recursive=True)
    assert inner["total_files"] == 4
    assert home.site.stored().rows["images"] == 0


def test_processing_a_folder_answers_as_documented(home: Home) -> None:
    fill(home)
    body = process(home, home.pictures)
    assert body["success"] is True
    assert (body["total_files"], body["processed"], body["skipped"], body["failed"]) == (3, 2, 0, 1)
    assert len(body["processed_ids"]) == 2
    assert body["failed_files"] == [str(home.pictures / "broken.jpg")]
    assert "JPEG file ends" in body["failure_reasons"][str(home.pictures / "broken.jpg")]
    assert body["processing_time"] > 0
    assert body["message"] == "Directory processed: 2 images processed"
    assert {one["id"] for one in home.get("/api/v1/images/")} == set(body["processed_ids"])


def test_what_was_processed_is_skipped_unless_it_is_forced(home: Home) -> None:
    fill(home)
    first = process(home, home.pictures)
    again = process(home, home.pictures, recursive=True)
    assert (again["total_files"], again["processed"], again["skipped"], again["failed"]) == (4, 1, 2, 1)
    forced = process(home, home.pictures, force_reprocess=True)
    assert (forced["processed"], forced["skipped"]) == (2, 0)
    assert set(forced["processed_ids"]) == set(first["processed_ids"])


def test_a_folder_is_processed_in_the_background(home: Home) -> None:
    fill(home)
    body = {"directory_path": str(home.pictures), "recursive": True}
    taken = home.site.client.post("/api/v1/directories/process-async", json=body).json()
    assert set(taken) == {"task_id", "status", "message"}
    assert (taken["status"], taken["message"]) == ("queued", "Directory processing started in background")
    status = ended(home, taken["task_id"])
    assert set(status) == {
        "task_id",
        "status",
        "progress",
        "message",
        "result",
        "error",
        "created_at",
        "updated_at",
    }
    assert (status["status"], status["progress"], status["error"]) == ("completed", 100.0, None)
    assert (status["result"]["processed"], status["result"]["failed"]) == (3, 1)
    assert TIME.fullmatch(status["created_at"])
    assert TIME.fullmatch(status["updated_at"])
    listed = home.get("/api/v1/directories/tasks")
    assert [one["task_id"] for one in listed] == [taken["task_id"]]
    assert home.get("/api/v1/directories/tasks", offset=1) == []


def test_a_task_of_any_surface_can_be_asked_for(home: Home) -> None:
    done = home.site.segment("/segment/auto/async", "kitten").json()
    status = ended(home, done["task_id"])
    assert status["status"] == "completed"
    assert status["result"]["total_masks"] > 0
    assert home.get("/api/v1/directories/tasks") == []
    directory = home.site.client.post("/api/v1/directories/process-async", json={"directory_path": str(home.pictures)})
    told = home.site.client.get(f"/jobs/{directory.json()['task_id']}/status").json()
    assert told["data"]["job_id"] == directory.json()["task_id"]


def test_a_task_that_is_not_there_is_not_found(home: Home) -> None:
    for id in ("nothing", "task-uuid-123", "x" * 500):
        check_refusal(home.site.client.get(f"/api/v1/directories/task/{id}"), 404, "NotFoundError")


def test_folders_outside_the_roots_are_not_found(home: Home, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", home.pictures / "link")
    file = home.put("one.jpg", "kitten")
    for path in (str(tmp_path), str(home.pictures / "link"), "/", "..", str(file), "nothing", "/proc/self"):
        for reply in (
            home.site.client.get("/api/v1/directories/scan", params={"directory_path": path}),
            home.site.client.post("/api/v1/directories/process", json={"directory_path": path}),
            home.site.client.post("/api/v1/directories/process-async", json={"directory_path": path}),
        ):
            assert reply.status_code == 404
            assert reply.json()["message"] == f"Directory not found: {path}"
    assert home.get("/api/v1/directories/tasks") == []


@pytest.mark.parametrize("body", [{}, {"directory_path": ""}, {"directory_path": "a", "recursive": "maybe"}])
def test_a_body_that_cannot_be_used_is_refused(album: Home, body: Any) -> None:
    for path in ("process", "process-async"):
        check_refusal(album.site.client.post(f"/api/v1/directories/{path}", json=body), 422, "ValidationError")
    check_refusal(album.site.client.get("/api/v1/directories/scan"), 422, "ValidationError")


def test_searches_are_answered_while_a_folder_is_processed(home: Home) -> None:
    home.process(home.put("rocket.jpg", "rocket"))
    for number in range(12):
        home.put(f"more/{number}.jpg", "kitten")
    taken = home.site.client.post("/api/v1/directories/process-async", json={"directory_path": "more"}).json()
    answered = 0
    while home.get(f"/api/v1/directories/task/{taken['task_id']}")["status"] != "completed":
        assert home.get("/api/v1/images/", query="rocket")[0]["filename"] == "rocket.jpg"
        answered += 1
        assert answered < 5000
    assert len(home.get("/api/v1/images/")) == 13
