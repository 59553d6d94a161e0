"""What the keeper removes of real models: an upload that was made, through every route that could still ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.background import small, status_of
from tests.fixtures.modelling import get, made, refused, upload
from tests.fixtures.server import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "data", job_retention_hours=0) as site:
        yield site


def finished(site: Site, *pictures: bytes) -> dict[str, Any]:
    """An upload whose models are made."""
    body = upload(site.client, *pictures)
    for file in body["uploaded_files"]:
        assert made(site.client, file["file_id"])["status"] == "completed"
    return body


def model_of(site: Site, id: str) -> int:
    return site.client.get(f"/api/v1/models/download/{id}").status_code


def test_a_model_s_folder_is_listed_and_goes_with_its_picture_while_the_record_stays(site: Site) -> None:
    body = finished(site, small(), small(1))
    ids = {file["file_id"] for file in body["uploaded_files"]}
    listed = get(site.client, "/admin/list-files?directory=results")
    assert {item["path"] for item in listed["items"]} == ids
    assert all(item["is_directory"] and item["file_count"] >= 1 for item in listed["items"])
    assert listed["total_files"] == sum(item["file_count"] for item in listed["items"])
    assert get(site.client, "/admin/list-files?directory=uploads")["total_files"] == 2

    reply = site.client.post("/api/v1/admin/cleanup-job", json={"job_id": body["job_id"]}).json()
    assert reply["files_removed"] == listed["total_files"] + 2
    assert get(site.client, "/admin/list-files?directory=results")["items"] == []
    assert site.stored().blobs == frozenset()
    assert status_of(site.client, body["job_id"])["status"] == "completed"
    for id in ids:
        assert get(site.client, f"/upload/status/{id}")["processing_status"] == "completed"
        assert model_of(site, id) == 404
        refused(site.client.get(f"/api/v1/download/{id}/model.glb"), 404, "NOT_FOUND")
    assert get(site.client, f"/download/{body['job_id']}/all")["total_files"] == 0


def test_a_picture_that_another_surface_looked_at_stays_when_its_model_goes(site: Site) -> None:
    (file,) = finished(site, small())["uploaded_files"]
    reply = site.client.post("/api/v1/images/process", json={"image_id": file["file_id"]})
    assert reply.status_code == 200, reply.text
    assert site.client.post("/api/v1/admin/cleanup", json={"hours": 0.00001}).json()["directories_removed"] == 1
    assert model_of(site, file["file_id"]) == 404
    assert site.client.get(f"/api/v1/images/download/{file['file_id']}").status_code == 200


def test_one_file_of_an_upload_can_be_deleted_and_the_upload_still_adds_up(site: Site) -> None:
    body = finished(site, small(), small(1))
    gone, stays = (file["file_id"] for file in body["uploaded_files"])
    reply = site.client.delete(f"/api/v1/admin/delete-job/{gone}")
    assert reply.status_code == 200, reply.text
    assert reply.json()["files_deleted"] >= 2
    assert (model_of(site, gone), model_of(site, stays)) == (404, 200)
    assert get(site.client, f"/upload/batch/{body['batch_id']}/status")["completed_files"] == 2

    reply = site.client.delete(f"/api/v1/admin/delete-job/{body['batch_id']}")
    assert reply.json()["files_deleted"] >= 2
    assert list((site.folder / "results").iterdir()) == []
    assert (site.stored().blobs, site.stored().rows["images"]) == (frozenset(), 0)
    for id in (body["batch_id"], stays, gone):
        refused(site.client.get(f"/api/v1/status/tasks/{id}/status"), 404, "NOT_FOUND")
