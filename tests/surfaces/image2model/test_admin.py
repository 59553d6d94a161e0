"""/api/v1/admin: every documented example, the totals and their order, and what bad input gets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.ended_jobs import EndedJobs
from tests.fixtures.server import Site, open_site, photograph

MB = 2**20


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[EndedJobs]:
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=0) as site:
        yield EndedJobs(site)


@pytest.fixture(scope="module")
def old_job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndedJobs]:
    """A site with one old job, which nothing that is refused may touch."""
    with open_site(tmp_path_factory.mktemp("admin"), job_workers=0, job_retention_hours=0) as site:
        jobs = EndedJobs(site)
        jobs.made(100)
        yield jobs
        assert len(list(jobs.results.glob("*/model.glb"))) == 1


def ask(site: Site, method: str, path: str, **given: Any) -> Any:
    """The body of a reply that is well."""
    reply = site.client.request(method, f"/api/v1/admin{path}", **given)
    assert reply.status_code == 200, reply.text
    return reply.json()


def check_refusal(reply: httpx2.Response, status: int, code: str) -> Any:
    """Document E's envelope; the sentence."""
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"detail"}
    detail = reply.json()["detail"]
    assert set(detail) == {"code", "message", "details"}
    assert detail["code"] == code
    return detail["message"]


def is_now(text: str) -> bool:
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return abs(time.time() - moment.timestamp()) < 60


def test_disk_usage_tells_of_both_disks(site: Site) -> None:
    body = ask(site, "GET", "/disk-usage")
    assert list(body) == ["upload_dir", "output_dir", "timestamp"]
    assert is_now(body["timestamp"])
    for disk in (body["upload_dir"], body["output_dir"]):
        assert list(disk) == ["total_gb", "used_gb", "free_gb", "usage_percent"]
        assert 0 < disk["free_gb"] <= disk["total_gb"]
        assert disk["usage_percent"] == pytest.approx(100 * disk["used_gb"] / disk["total_gb"], abs=0.01)


def test_the_documented_cleanup_removes_and_tells(jobs: EndedJobs) -> None:
    jobs.made(48, {"model.glb": MB // 2, "preview.png": MB // 4})
    jobs.made(1, {"model.glb": 5})
    told = ask(jobs.site, "POST", "/cleanup", json={"hours": 24, "dry_run": True})
    body = ask(jobs.site, "POST", "/cleanup", json={"hours": 24, "dry_run": False})
    assert list(body) == [
        "freed_space_mb",
        "files_removed",
        "directories_removed",
        "errors",
        "cleanup_hours",
        "timestamp",
    ]
    assert (body["freed_space_mb"], body["files_removed"], body["directories_removed"]) == (0.75, 2, 1)
    assert (body["errors"], body["cleanup_hours"]) == ([], 24)
    assert is_now(body["timestamp"])
    assert {**told, "timestamp": ""} == {**body, "timestamp": ""}
    assert len(list(jobs.results.iterdir())) == 1


@pytest.mark.parametrize("body", [None, {}])
def test_a_cleanup_without_a_word_means_24_hours_and_no_rehearsal(body: Any, jobs: EndedJobs) -> None:
    jobs.made(25, {"model.glb": 1})
    jobs.made(23, {"model.glb": 1})
    told = ask(jobs.site, "POST", "/cleanup", json=body) if body is not None else ask(jobs.site, "POST", "/cleanup")
    assert (told["files_removed"], told["cleanup_hours"]) == (1, 24)
    assert len(list(jobs.results.iterdir())) == 1


@pytest.mark.parametrize("hours", ["0", "-1", "-0.5", "1e9", "1e999", "NaN", "Infinity", "true", "null", '"24"', "[]"])
def test_hours_that_are_no_age_are_refused_and_nothing_goes(hours: str, old_job: EndedJobs) -> None:
    headers = {"Content-Type": "application/json"}
    reply = old_job.site.client.post("/api/v1/admin/cleanup", content=f'{{"hours": {hours}}}', headers=headers)
    assert "hours" in check_refusal(reply, 400, "VALIDATION_ERROR")
    assert len(list(old_job.results.iterdir())) == 1


def test_cleaning_a_job_up_tells_what_went_and_keeps_the_job(jobs: EndedJobs) -> None:
    id = jobs.made(0, {"model.glb": MB, "a.stl": 0, "b.obj": 0})
    body = ask(jobs.site, "POST", "/cleanup-job", json={"job_id": id})
    assert body == {"job_id": id, "files_removed": 3, "space_freed_mb": 1.0, "status": "success"}
    assert jobs.site.client.get(f"/jobs/{id}/status").json()["data"]["status"] == "completed"
    again = ask(jobs.site, "POST", "/cleanup-job", json={"job_id": id})
    assert again == {"job_id": id, "files_removed": 0, "space_freed_mb": 0.0, "status": "success"}


def test_deleting_a_job_tells_what_went_and_the_job_is_gone(jobs: EndedJobs) -> None:
    id = jobs.made(0, {"model.glb": MB}, with_picture=True)
    body = ask(jobs.site, "DELETE", f"/delete-job/{id}")
    size = round(1 + len(photograph("kitten")) / MB, 6)
    assert body == {"job_id": id, "files_deleted": 2, "space_freed_mb": size, "status": "success"}
    assert jobs.site.client.get(f"/jobs/{id}/status").status_code == 404
    assert jobs.site.stored().blobs == frozenset()
    check_refusal(jobs.site.client.delete(f"/api/v1/admin/delete-job/{id}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("id", ["job_456", "..", "%2e%2e", "a%00b", "x" * 300, "%2Fetc"])
def test_a_job_that_is_not_known_is_not_found(id: str, old_job: EndedJobs) -> None:
    reply = old_job.site.client.delete(f"/api/v1/admin/delete-job/{id}")
    check_refusal(reply, 404, "NOT_FOUND")
    body = json.dumps({"job_id": id[:128].replace("%00", "\0")})
    headers = {"Content-Type": "application/json"}
    reply = old_job.site.client.post("/api/v1/admin/cleanup-job", content=body, headers=headers)
    check_refusal(reply, 404, "NOT_FOUND")
    assert len(list(old_job.results.iterdir())) == 1


def test_a_job_that_runs_is_a_conflict(jobs: EndedJobs) -> None:
    id = jobs.made(0)
    jobs.set_state(id, "running")
    check_refusal(jobs.site.client.delete(f"/api/v1/admin/delete-job/{id}"), 409, "CONFLICT")
    reply = jobs.site.client.post("/api/v1/admin/cleanup-job", json={"job_id": id})
    assert check_refusal(reply, 409, "CONFLICT") == "The job has not ended yet; cancel it first."
    assert (jobs.results / id / "model.glb").exists()


@pytest.mark.parametrize("body", ["", "{}", '{"job_id": ""}', '{"job_id": 5}', '{"job_id": null}', "no"])
def test_cleaning_up_no_job_is_refused(body: str, site: Site) -> None:
    headers = {"Content-Type": "application/json"}
    reply = site.client.post("/api/v1/admin/cleanup-job", content=body, headers=headers)
    check_refusal(reply, 400, "VALIDATION_ERROR")


def test_files_are_listed_newest_first_with_what_folders_hold(jobs: EndedJobs) -> None:
    uploads = jobs.site.folder / "uploads"
    jobs.file(uploads / "image1.jpg", 3, MB * 5 // 2)
    jobs.file(uploads / "cats" / "deep" / "lynx.jpg", 2, MB)
    jobs.file(uploads / "cats" / "tom.jpg", 9, MB // 2)
    jobs.file(uploads / "image2.jpg", 1, 0)
    for folder in (uploads / "cats" / "deep", uploads / "cats"):
        then = time.time() - 2 * 3600
        os.utime(folder, (then, then))
    body = ask(jobs.site, "GET", "/list-files", params={"directory": "uploads"})
    assert list(body) == ["directory", "total_size_mb", "total_files", "items"]
    assert (body["directory"], body["total_size_mb"], body["total_files"]) == ("uploads", 4.0, 4)
    items = [item for item in body["items"] if not item["path"].startswith("blobs/")]
    assert [list(item) for item in items] == [["path", "size_mb", "modified", "is_directory", "file_count"]] * 3
    told = [(item["path"], item["size_mb"], item["is_directory"], item["file_count"]) for item in items]
    assert told == [("image2.jpg", 0.0, False, None), ("cats", 1.5, True, 2), ("image1.jpg", 2.5, False, None)]
    written = datetime.fromtimestamp((uploads / "image1.jpg").stat().st_mtime, UTC)
    assert items[2]["modified"] == written.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_pictures_that_other_surfaces_keep_are_listed_with_the_uploads(jobs: EndedJobs) -> None:
    jobs.site.upload()
    body = ask(jobs.site, "GET", "/list-files?directory=uploads")
    assert body["total_files"] == 1
    assert body["total_size_mb"] == round(len(photograph("chelsea")) / MB, 6)
    assert sum(item["file_count"] for item in body["items"]) == 1
    assert all(item["path"].startswith("blobs/") for item in body["items"])


def test_a_list_is_cut_and_its_totals_are_not(jobs: EndedJobs) -> None:
    for number in range(150):
        jobs.file(jobs.results / f"object_{number}.png", number, 1)
    body = ask(jobs.site, "GET", "/list-files?directory=results")
    assert body["total_files"] == 150
    assert [item["path"] for item in body["items"]] == [f"object_{number}.png" for number in range(100)]
    body = ask(jobs.site, "GET", "/list-files?directory=results&limit=2")
    assert [item["path"] for item in body["items"]] == ["object_0.png", "object_1.png"]


@pytest.mark.alone
def test_thousands_of_files_are_listed_quickly_and_odd_names_are_text(jobs: EndedJobs, tmp_path: Path) -> None:
    jobs.results.mkdir(exist_ok=True)
    for number in range(5000):
        (jobs.results / f"{number}.bin").touch()
    Path(os.fsdecode(os.fsencode(jobs.results) + b"/\xff.bin")).touch()
    precious = jobs.file(tmp_path / "precious" / "large", 0, MB)
    (jobs.results / "link").symlink_to(precious.parent)
    began = time.monotonic()
    body = ask(jobs.site, "GET", "/list-files?directory=results&limit=10000")
    assert time.monotonic() - began < 5
    assert body["total_files"] == len(body["items"]) == 5002
    assert body["total_size_mb"] < 0.001  # a link counts as itself
    assert "\ufffd.bin" in {item["path"] for item in body["items"]}


@pytest.mark.parametrize(
    "query",
    ["", "directory=", "directory=logs", "directory=../uploads", "directory=uploads%00"]
    + [f"directory=results&limit={limit}" for limit in ("0", "-1", "10001", "many", "1.5", "9" * 30)],
)
def test_other_folders_and_limits_that_are_none_are_refused(query: str, site: Site) -> None:
    check_refusal(site.client.get(f"/api/v1/admin/list-files?{query}"), 400, "VALIDATION_ERROR")


def test_a_folder_that_is_not_there_yet_is_empty(jobs: EndedJobs) -> None:
    body = ask(jobs.site, "GET", "/list-files?directory=results")
    assert body == {"directory": "results", "total_size_mb": 0.0, "total_files": 0, "items": []}


def test_system_health_tells_what_is_kept_and_of_the_last_cleanup(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=0) as site:
        jobs = EndedJobs(site)
        body = ask(site, "GET", "/system-health")
        assert list(body) == ["status", "timestamp", "disk_usage", "cleanup_status"]
        assert body["cleanup_status"] == {"last_run": None, "files_cleaned": 0, "space_freed_mb": 0.0}
        site.upload()
        jobs.file(site.folder / "uploads" / "cat.jpg", 0, MB)
        jobs.made(48, {"model.glb": 2 * MB})
        body = ask(site, "GET", "/system-health")
        kept = body["disk_usage"]
        assert list(kept) == ["uploads_gb", "results_gb", "logs_gb"]
        assert kept["uploads_gb"] == pytest.approx((MB + len(photograph("chelsea"))) / 2**30, rel=1e-3)
        assert kept["results_gb"] == pytest.approx(2 / 1024, rel=1e-3)
        assert kept["logs_gb"] > 0
        assert body["status"] in ("healthy", "degraded")
        ask(site, "POST", "/cleanup", json={"hours": 24})
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=0) as site:
        told = ask(site, "GET", "/system-health")["cleanup_status"]
        assert (told["files_cleaned"], told["space_freed_mb"]) == (1, 2.0)
        assert is_now(told["last_run"])
