"""/api/v1/models: a model asked for, followed and fetched in every format."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trimesh

from tests.fixtures.background import ended, hand_in, hand_in_batch, small
from tests.fixtures.modelling import generate, get, made, refused, upload
from tests.fixtures.server import Serve, Site, open_site

BODY = {"quality": "standard", "texture_enabled": True}
BOX = '{"x": 10, "y": 8, "width": 40, "height": 30}'


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application in which jobs wait for ever."""
    with open_site(tmp_path_factory.mktemp("idle"), job_workers=0) as site:
        yield site


@pytest.fixture(scope="module")
def model(site: Site) -> str:
    """A job whose model of a file called Ünit 1.png is there."""
    (file,) = upload(site.client, ("Ünit 1.png", small()), face_limit=300)["uploaded_files"]
    assert made(site.client, file["file_id"])["status"] == "completed"
    return str(file["file_id"])


def fetched(site: Site, id: str, query: str = "") -> Any:
    reply = site.client.get(f"/api/v1/models/download/{id}{query}")
    assert reply.status_code == 200, reply.text
    assert int(reply.headers["content-length"]) == len(reply.content)
    return reply


def test_the_documented_body_is_asked_of_tripo3d_which_wants_a_key(site: Site) -> None:
    body = {"file_id": site.upload("kitten"), "model_type": "tripo3d", **BODY}
    detail = refused(site.client.post("/api/v1/models/generate", json=body), 502, "FAL_API_ERROR")
    assert "FAL_KEY" in detail["message"]


def test_a_picture_of_another_surface_becomes_a_model(site: Site) -> None:
    reply = generate(site.client, site.upload("kitten"), **BODY)
    assert list(reply) == ["job_id", "status", "estimated_time"]
    assert reply["status"] == "processing"
    assert reply["estimated_time"] >= 1
    job = made(site.client, reply["job_id"])
    assert {name: job[name] for name in ("job_id", "status", "progress", "estimated_time_remaining")} == {
        "job_id": reply["job_id"],
        "status": "completed",
        "progress": 100,
        "estimated_time_remaining": 0,
    }
    model = site.client.get(job["model_url"])
    assert (model.status_code, model.headers["content-type"]) == (200, "model/gltf-binary")
    assert trimesh.load_scene(io.BytesIO(model.content), file_type="glb").to_mesh().is_watertight
    assert "kitten.zip" in fetched(site, reply["job_id"]).headers["content-disposition"].replace(".obj", "")


def test_an_uploaded_file_can_be_made_again_otherwise(site: Site, model: str) -> None:
    plain = generate(site.client, model, face_limit=100, texture_enabled=False, model_type="relief")
    made(site.client, plain["job_id"])
    reply = fetched(site, plain["job_id"], "?format=obj")
    assert reply.headers["content-type"] == "model/obj"
    assert reply.text.count("\nf ") <= 100
    assert site.client.get(f"/jobs/{plain['job_id']}/result").json()["data"]["textured"] is False


def test_a_model_waits_in_the_documented_words(idle: Site) -> None:
    job = generate(idle.client, idle.upload("kitten"))
    assert get(idle.client, f"/models/job/{job['job_id']}") == {
        "job_id": job["job_id"],
        "status": "pending",
        "progress": 0,
        "model_url": None,
        "estimated_time_remaining": job["estimated_time"],
        "error": None,
    }


@pytest.mark.parametrize(
    ("query", "media_type", "ending"),
    [
        ("", "application/zip", ".obj.zip"),
        ("?format=obj", "application/zip", ".obj.zip"),
        ("?format=OBJ", "application/zip", ".obj.zip"),
        ("?format=glb", "model/gltf-binary", ".glb"),
        ("?format=ply", "model/ply", ".ply"),
        ("?format=stl", "model/stl", ".stl"),
    ],
)
def test_a_model_comes_in_each_format_under_its_picture_s_name(
    site: Site, model: str, query: str, media_type: str, ending: str
) -> None:
    reply = fetched(site, model, query)
    assert reply.headers["content-type"] == media_type
    assert reply.headers["content-disposition"] == f"attachment; filename*=utf-8''%C3%9Cnit%201{ending}"
    if ending == ".obj.zip":
        names = zipfile.ZipFile(io.BytesIO(reply.content)).namelist()
        assert {Path(name).suffix for name in names} == {".obj", ".mtl", ".png"} or len(names) == 3
        return
    solid = trimesh.load_scene(io.BytesIO(reply.content), file_type=ending[1:]).to_mesh()
    assert 12 <= len(solid.faces) <= 300


def test_a_format_is_made_once(site: Site, model: str) -> None:
    tags = {fetched(site, model, "?format=ply").headers["etag"] for _ in range(3)}
    assert len(tags) == 1


@pytest.mark.parametrize("format", ["fbx", "usdz", "", "../x", "%00", "x" * 40])
def test_an_unknown_format_is_refused(site: Site, model: str, format: str) -> None:
    reply = site.client.get(f"/api/v1/models/download/{model}?format={format}")
    assert "format" in refused(reply, 400, "VALIDATION_ERROR")["message"]


def test_what_is_not_finished_is_a_conflict_that_says_how_it_stands(idle: Site) -> None:
    job = generate(idle.client, idle.upload("kitten"))["job_id"]
    for path in (f"models/download/{job}", f"models/download/{job}?format=glb", f"download/{job}/model.glb"):
        detail = refused(idle.client.get(f"/api/v1/{path}"), 409, "CONFLICT")
        assert detail["details"] == {"status": "pending", "progress": 0}
    assert idle.client.delete(f"/jobs/{job}").status_code == 200
    refused(idle.client.get(f"/api/v1/models/download/{job}"), 404, "NOT_FOUND")


def test_what_failed_says_why(site: Site) -> None:
    files = upload(site.client, b"junk", small())["uploaded_files"]
    job = made(site.client, files[0]["file_id"])
    assert (job["status"], job["model_url"], job["estimated_time_remaining"]) == ("failed", None, 0)
    assert job["error"] == files[0]["error"]
    detail = refused(site.client.get(f"/api/v1/models/download/{files[0]['file_id']}"), 409, "CONFLICT")
    assert files[0]["error"] in detail["message"]


def test_a_batch_of_several_models_asks_which_one_is_meant(site: Site) -> None:
    body = upload(site.client, small(), small(1), face_limit=100)
    assert made(site.client, body["job_id"])["model_url"] is None
    detail = refused(site.client.get(f"/api/v1/models/download/{body['job_id']}"), 400, "VALIDATION_ERROR")
    assert detail["details"]["job_ids"] == [file["file_id"] for file in body["uploaded_files"]]


def test_an_upload_of_one_file_stands_for_its_model(site: Site) -> None:
    body = upload(site.client, ("cat.png", small()), face_limit=100)
    url = made(site.client, body["job_id"])["model_url"]
    assert url.endswith(f"/api/v1/download/{body['job_id']}/model.glb")
    assert site.client.get(url).content == fetched(site, body["job_id"], "?format=glb").content


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"file_id": ""},
        {"file_id": 7},
        {"file_id": "x" * 129},
        {"file_id": "a", "quality": "ultra"},
        {"file_id": "a", "texture_enabled": "perhaps"},
        {"file_id": "a", "face_limit": 0},
        {"file_id": "a", "face_limit": -5},
        {"file_id": "a", "face_limit": 10**9},
        {"file_id": "a", "face_limit": "many"},
        {"file_id": "a", "model_type": "nonsense"},
        {"file_id": "a", "model_type": ["relief"]},
    ],
)
def test_a_body_that_cannot_be_meant_is_refused(site: Site, body: Any) -> None:
    refused(site.client.post("/api/v1/models/generate", json=body), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("id", ["file_001", "550e8400-e29b-41d4-a716-446655440000", "\0", "../../etc/passwd"])
def test_an_unknown_picture_is_not_found(site: Site, id: str) -> None:
    refused(site.client.post("/api/v1/models/generate", json={"file_id": id}), 404, "NOT_FOUND")


@pytest.mark.parametrize("id", ["job_456", "%00", "x" * 300, "550e8400-e29b-41d4-a716-446655440000"])
@pytest.mark.parametrize("path", ["/models/job/{}", "/models/download/{}"])
def test_an_unknown_job_is_not_found(site: Site, path: str, id: str) -> None:
    refused(site.client.get("/api/v1" + path.format(id)), 404, "NOT_FOUND")


def test_a_job_that_makes_no_model_has_none(site: Site) -> None:
    for job in (hand_in(site.client, "box", small(), box=BOX), hand_in_batch(site.client, [small()])):
        assert made(site.client, job)["model_url"] is None
        refused(site.client.get(f"/api/v1/models/download/{job}"), 404, "NOT_FOUND")
        assert get(site.client, f"/download/{job}/all")["files"] == []


def test_the_list_of_makers_says_what_each_is_worth_and_which_is_taken(site: Site) -> None:
    reply = site.client.get("/api/v1/models/available")
    assert reply.status_code == 200
    makers = {maker["type"]: maker for maker in reply.json()}
    assert {"name", "description", "type", "supported_formats"} <= set(makers["relief"])
    assert (makers["relief"]["name"], makers["relief"]["geometry"]) == ("Relief", "2.5d")
    assert makers["relief"]["supported_formats"] == ["glb", "obj", "ply", "stl"]
    assert makers["relief"]["available"] is True
    assert (makers["tripo3d"]["name"], makers["tripo3d"]["geometry"]) == ("Tripo3D", "3d")
    assert "FAL_KEY" in makers["tripo3d"]["unavailable_reason"]
    assert [maker["type"] for maker in reply.json() if maker["default"]] == ["relief"]
    assert all(bool(maker["unavailable_reason"]) is not maker["available"] for maker in reply.json())


def test_the_other_surfaces_tell_of_these_jobs_too(site: Site) -> None:
    body = upload(site.client, small(), small(1), face_limit=100)
    id, child = body["job_id"], body["uploaded_files"][0]["file_id"]
    status = ended(site.client, id)
    assert (status["total_images"], status["processed_images"]) == (2, 2)
    result = site.client.get(f"/jobs/{child}/result").json()
    assert (result["data"]["model"], result["data"]["filename"]) == ("relief", "image1.png")
    batch = site.client.get(f"/jobs/{id}/result").json()
    assert [job["job_id"] for job in batch["jobs"]] == [file["file_id"] for file in body["uploaded_files"]]
    task = get(site.client, f"/directories/task/{child}")
    assert (task["status"], task["progress"], task["result"]["faces"]) == ("completed", 100, result["data"]["faces"])
    detail = site.client.get(f"/jobs/{id}").json()["data"]
    assert (detail["kind"], detail["model_type"], detail["status"]) == ("make-models", "relief", "completed")
    assert site.client.get("/jobs/", params={"model_type": "relief"}).json()["total"] >= 1
    assert site.client.delete(f"/jobs/{child}").status_code == 409
    assert site.client.delete(f"/jobs/{id}").status_code == 200
    refused(site.client.get(f"/api/v1/upload/status/{child}"), 404, "NOT_FOUND")


def test_child_processes_make_models_as_well(serve: Serve) -> None:
    client = serve(JOBS_ISOLATION="process").client
    body = upload(client, small(), b"junk", face_limit=100)
    assert made(client, body["job_id"])["status"] == "completed"
    assert get(client, f"/download/{body['job_id']}/all")["total_files"] == 1
