"""/api/v1/upload: what is taken in, what is refused, and how far it is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fixtures.background import hand_in, jobs_in_all, small
from tests.fixtures.modelling import UPLOAD, get, made, refused, send, upload
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import Site, open_site

ALLOWED = ["jpg", "jpeg", "png"]
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application in which jobs wait for ever."""
    with open_site(tmp_path_factory.mktemp("idle"), job_workers=0) as site:
        yield site


@pytest.fixture
def still(idle: Site) -> Iterator[Site]:
    """The same, with the proof that nothing was kept."""
    before = idle.stored(), jobs_in_all(idle.client)
    yield idle
    assert (idle.stored(), jobs_in_all(idle.client)) == before
    assert list((idle.folder / "incoming").glob("*")) == []


def with_exif_turn(rgb: Any) -> bytes:
    """A JPEG that says it must be turned by a quarter."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgb).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_the_documented_upload_gets_the_documented_reply(idle: Site) -> None:
    picture = encoded(scene(), "JPEG")
    reply = send(idle.client, ("image1.jpg", picture), face_limit=10000)
    assert reply.status_code == 200
    body = reply.json()
    fields = ["batch_id", "job_id", "task_id", "uploaded_files", "face_limit", "total_files", "status", "message"]
    assert list(body) == fields
    assert body["batch_id"] == body["job_id"] == body["task_id"]
    (file,) = body["uploaded_files"]
    assert file == {
        "file_id": file["file_id"],
        "filename": "image1.jpg",
        "file_size": len(picture),
        "content_type": "image/jpeg",
        "status": "uploaded",
    }
    assert (body["face_limit"], body["total_files"], body["status"]) == (10000, 1, "uploaded")
    assert body["message"] == "Files uploaded successfully, processing started"


def test_without_a_face_limit_none_is_told(idle: Site) -> None:
    assert upload(idle.client)["face_limit"] is None
    # What a browser sends for fields that nothing was typed into.
    assert upload(idle.client, small(), face_limit="", model_type="")["face_limit"] is None


def test_a_file_waits_in_the_documented_words(idle: Site) -> None:
    body = upload(idle.client, small(), small(1), small(2))
    for file in body["uploaded_files"]:
        assert get(idle.client, f"/upload/status/{file['file_id']}") == {
            "file_id": file["file_id"],
            "status": "uploaded",
            "processing_status": "pending",
            "progress": 0,
            "filename": file["filename"],
            "error": None,
        }
    assert get(idle.client, f"/upload/batch/{body['batch_id']}/status") == {
        "batch_id": body["batch_id"],
        "status": "pending",
        "total_files": 3,
        "completed_files": 0,
        "failed_files": 0,
        "progress": 0,
    }


def test_a_batch_is_followed_to_its_end_in_shares_of_a_hundred(fresh_site: Site) -> None:
    body = upload(fresh_site.client, small(), small(1), small(2))
    while (batch := get(fresh_site.client, f"/upload/batch/{body['batch_id']}/status"))["status"] != "completed":
        assert batch["status"] in ("pending", "processing")
        assert round(batch["progress"], 2) == batch["progress"] <= 100
        assert batch["progress"] >= 100 * batch["completed_files"] / 3 - 0.01
    assert (batch["total_files"], batch["completed_files"], batch["failed_files"], batch["progress"]) == (3, 3, 0, 100)
    for file in body["uploaded_files"]:
        status = get(fresh_site.client, f"/upload/status/{file['file_id']}")
        assert (status["status"], status["processing_status"], status["progress"]) == ("completed", "completed", 100)


def test_one_broken_file_is_named_and_the_others_go_on(fresh_site: Site) -> None:
    body = upload(
        fresh_site.client,
        ("good.png", small()),
        ("broken.jpg", encoded(scene(), "JPEG")[:400]),
        ("image.bmp", encoded(scene(), "BMP")),
        ("fine.png", small(1)),
    )
    files = body["uploaded_files"]
    assert [file["filename"] for file in files] == ["good.png", "broken.jpg", "image.bmp", "fine.png"]
    assert [file["status"] for file in files] == ["uploaded", "failed", "failed", "uploaded"]
    assert "JPEG" in files[1]["error"]
    assert "BMP" in files[2]["error"]
    assert body["total_files"] == 4
    assert body["message"] == "2 of 4 files uploaded successfully, processing started"
    # Known at once, though the jobs may not have had their turn.
    assert get(fresh_site.client, f"/upload/status/{files[1]['file_id']}")["status"] == "failed"
    assert made(fresh_site.client, body["job_id"])["status"] == "completed"
    batch = get(fresh_site.client, f"/upload/batch/{body['batch_id']}/status")
    assert (batch["total_files"], batch["completed_files"], batch["failed_files"]) == (4, 2, 2)
    failed = get(fresh_site.client, f"/upload/status/{files[2]['file_id']}")
    assert (failed["processing_status"], failed["error"]) == ("failed", files[2]["error"])


@pytest.mark.parametrize(
    "data",
    [
        encoded(scene(), "BMP"),
        encoded(scene(), "WEBP"),
        encoded(scene(), "TIFF"),
        b"",
        b"GIF89a",
        b"not a picture",
        encoded(scene(), "JPEG")[:300],
    ],
)
def test_a_file_that_is_no_jpeg_or_png_is_refused_with_the_formats_whatever_its_name(still: Site, data: bytes) -> None:
    detail = refused(send(still.client, ("../image.png", data), ("b.png", b"bad")), 400, "VALIDATION_ERROR")
    assert detail["details"] == {"file": "image.png", "allowed_formats": ALLOWED}


@pytest.mark.parametrize("face_limit", ["0", "-1", "11", "500001", "9" * 40, "1e4", "many", "12.5", "NaN", "\0"])
def test_a_face_limit_that_is_none_is_refused(still: Site, face_limit: str) -> None:
    detail = refused(send(still.client, small(), face_limit=face_limit), 400, "VALIDATION_ERROR")
    assert "face_limit" in detail["message"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_type", "nonsense"),
        ("model_type", "region-tree"),
        ("model_type", "x" * 200),
        ("quality", "ultra"),
        ("texture_enabled", "perhaps"),
        ("note", "x" * 1001),
    ],
)
def test_a_field_that_cannot_be_meant_is_refused_by_its_name(still: Site, name: str, value: str) -> None:
    detail = refused(send(still.client, small(), **{name: value}), 400, "VALIDATION_ERROR")
    assert detail["message"].startswith(f"{name}: ") or f" {name}: " in detail["message"]


def test_twenty_six_files_are_one_too_many(still: Site) -> None:
    detail = refused(send(still.client, *[small()] * 26), 400, "VALIDATION_ERROR")
    assert detail["details"] == {"max_files": 25}
    assert "25" in detail["message"]


def test_twenty_five_files_are_taken(idle: Site) -> None:
    body = upload(idle.client, *[small(n) for n in range(25)])
    assert body["total_files"] == len({file["file_id"] for file in body["uploaded_files"]}) == 25


@pytest.mark.parametrize(
    "request_",
    [
        {"data": {"face_limit": "100"}, "files": {"other": ("a.png", b"x")}},
        {"files": {"files": ("", b"")}},
        {"data": {"files": "text"}},
        {"json": {"files": []}},
        {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"junk", "headers": FORM},
        {"content": b"--b\r\nContent-Disposition: x\r\n\r\ncut", "headers": FORM},
        {},
    ],
)
def test_a_body_without_pictures_in_it_is_refused(still: Site, request_: dict[str, Any]) -> None:
    refused(still.client.post(UPLOAD, **request_), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/cat.png", "cat.png"),
        ("C:\\pictures\\cat.png", "cat.png"),
        ("..", "picture"),
        ("/", "picture"),
        ("x" * 400 + ".png", "x" * 251 + ".png"),
        ("Katze – 猫.png", "Katze – 猫.png"),
    ],
)
def test_a_name_is_kept_as_a_harmless_label(idle: Site, sent: str, kept: str) -> None:
    (file,) = upload(idle.client, (sent, small()))["uploaded_files"]
    assert file["filename"] == kept
    assert get(idle.client, f"/upload/status/{file['file_id']}")["filename"] == kept


def test_a_name_with_a_nul_in_it_does_no_harm(idle: Site) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a\0b.png"\r\n\r\n'
    reply = idle.client.post(UPLOAD, content=head + small() + b"\r\n--b--\r\n", headers=FORM)
    assert reply.json()["uploaded_files"][0]["filename"] == "ab.png"


def test_a_picture_is_turned_upright_and_another_surface_can_use_it(idle: Site) -> None:
    (file,) = upload(idle.client, ("turned.jpg", with_exif_turn(scene(64, 40))))["uploaded_files"]
    info = idle.client.get(f"/images/{file['file_id']}/info").json()
    assert (info["width"], info["height"]) == (40, 64)
    run = {"original_image_id": file["file_id"], "points": [{"x": 20, "y": 30}], "labels": [1]}
    assert idle.client.post("/api/run", json=run).status_code == 200


def test_what_another_surface_took_in_is_a_file_that_waits_or_a_job_of_its_own(idle: Site) -> None:
    id = idle.upload("kitten")
    status = get(idle.client, f"/upload/status/{id}")
    assert (status["status"], status["processing_status"], status["filename"]) == ("uploaded", "pending", "kitten.jpg")
    job = hand_in(idle.client, "auto", small())
    assert get(idle.client, f"/upload/status/task-{job}")["processing_status"] == "pending"
    batch = get(idle.client, f"/upload/batch/{job}/status")
    assert (batch["total_files"], batch["status"]) == (1, "pending")


@pytest.mark.parametrize(
    "id", ["file_001", "nothing", "%00", "x" * 300, "..%2F..", "550e8400-e29b-41d4-a716-446655440000"]
)
@pytest.mark.parametrize("path", ["/upload/status/{}", "/upload/batch/{}/status"])
def test_an_unknown_id_is_not_found(site: Site, path: str, id: str) -> None:
    refused(site.client.get("/api/v1" + path.format(id)), 404, "NOT_FOUND")


def test_a_queue_that_is_full_keeps_nothing_of_an_upload(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", job_workers=0, job_queue_length=2) as site:
        upload(site.client, small(), small(1))
        id = site.upload("kitten")
        before = site.stored(), jobs_in_all(site.client)
        refused(send(site.client, small(2)), 503, "BUSY")
        reply = site.client.post("/api/v1/models/generate", json={"file_id": id})
        assert int(reply.headers["Retry-After"]) >= 1
        refused(reply, 503, "BUSY")
        assert (site.stored(), jobs_in_all(site.client)) == before
