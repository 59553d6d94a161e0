"""/api/v1/download and /api/v1/debug: lists, files, parts of files, and nothing that is not a result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.background import small
from tests.fixtures.modelling import get, made, upload
from tests.fixtures.server import Site, open_site


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application whose folder of results the tests may write into."""
    with open_site(tmp_path_factory.mktemp("own")) as site:
        yield site


@pytest.fixture(scope="module")
def job(own: Site) -> str:
    """An upload of one picture, made."""
    body = upload(own.client, ("cat.png", small()), face_limit=200)
    assert made(own.client, body["job_id"])["status"] == "completed"
    return str(body["job_id"])


def folder_of(site: Site, job: str) -> Path:
    """Where the only model of the upload lies."""
    (path,) = [path.parent for path in (site.folder / "results").rglob("model.glb") if path.parent.name != job]
    return path


@pytest.fixture(scope="module")
def model(own: Site, job: str) -> bytes:
    return (folder_of(own, job) / "model.glb").read_bytes()


def ask(site: Site, job: str, **headers: str) -> httpx2.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.client.get(f"/api/v1/download/{job}/model.glb", headers=given)


def test_the_list_is_as_documented(own: Site, job: str, model: bytes) -> None:
    body = get(own.client, f"/download/{job}/all")
    assert list(body) == ["job_id", "files", "download_urls", "total_files"]
    (file,) = body["files"]
    assert file == {
        "filename": "model.glb",
        "size": len(model),
        "mime_type": "model/gltf-binary",
        "created_time": int((folder_of(own, job) / "model.glb").stat().st_mtime),
        "rendered_image": f"/api/v1/download/{job}/preview.png",
    }
    assert (body["job_id"], body["total_files"]) == (job, 1)
    assert body["download_urls"] == [f"/api/v1/download/{job}/model.glb"]
    assert own.client.get(body["download_urls"][0]).content == model


def test_a_preview_is_shown_and_a_model_is_saved(own: Site, job: str) -> None:
    preview = own.client.get(get(own.client, f"/download/{job}/all")["files"][0]["rendered_image"])
    assert preview.headers["content-type"] == "image/png"
    assert preview.content.startswith(b"\x89PNG")
    assert preview.headers["content-disposition"] == 'inline; filename="preview.png"'
    assert ask(own, job).headers["content-disposition"] == 'attachment; filename="model.glb"'
    assert ask(own, job).headers["x-content-type-options"] == "nosniff"


def test_a_format_that_was_asked_for_is_listed_and_has_its_type(own: Site, job: str) -> None:
    assert own.client.get(f"/api/v1/models/download/{job}?format=stl").status_code == 200
    files = {file["filename"]: file for file in get(own.client, f"/download/{job}/all")["files"]}
    assert next(iter(files)) == "model.glb"
    assert files["model.stl"]["mime_type"] == "model/stl"
    assert own.client.get(f"/api/v1/download/{job}/model.stl").headers["content-type"] == "model/stl"
    (folder_of(own, job) / "model.stl").unlink()


def test_head_tells_of_a_file_without_it(own: Site, job: str, model: bytes) -> None:
    for path in (f"download/{job}/model.glb", f"models/download/{job}?format=glb"):
        reply = own.client.head(f"/api/v1/{path}")
        assert (reply.status_code, reply.content) == (200, b"")
        assert reply.headers["content-length"] == str(len(model))
        assert reply.headers["accept-ranges"] == "bytes"
        assert {"etag", "last-modified"} <= set(reply.headers)


@pytest.mark.parametrize(
    ("asked", "part", "said"),
    [
        ("bytes=0-9", slice(0, 10), "0-9"),
        ("bytes=10-", slice(10, None), None),
        ("bytes=-7", slice(-7, None), None),
        ("Bytes = 4-5", slice(4, 6), "4-5"),
        ("bytes=0-999999999", slice(0, None), None),
    ],
)
def test_a_part_of_a_file(own: Site, job: str, model: bytes, asked: str, part: slice, said: str | None) -> None:
    reply = ask(own, job, Range=asked)
    assert (reply.status_code, reply.content) == (206, model[part])
    start, end, _ = part.indices(len(model))
    assert reply.headers["content-range"] == f"bytes {said or f'{start}-{end - 1}'}/{len(model)}"


def test_several_parts_come_in_one_reply(own: Site, job: str, model: bytes) -> None:
    reply = ask(own, job, Range="bytes=0-3,20-29")
    assert reply.status_code == 206
    assert reply.headers["content-type"].startswith("multipart/byteranges")
    assert model[:4] in reply.content
    assert model[20:30] in reply.content


@pytest.mark.parametrize(
    "asked",
    ["bytes=9-2", "bytes=a-b", "items=0-3", "bytes", "bytes=", "bytes=--1", "bytes=1-2-3", f"bytes={'9' * 5000}-"],
)
def test_a_range_that_cannot_be_read_is_none(own: Site, job: str, model: bytes, asked: str) -> None:
    reply = ask(own, job, Range=asked)
    assert (reply.status_code, reply.content) == (200, model)


def test_a_range_beyond_the_end_cannot_be_had(own: Site, job: str, model: bytes) -> None:
    reply = ask(own, job, Range=f"bytes={len(model)}-")
    assert reply.status_code == 416
    assert reply.headers["content-range"] == f"bytes */{len(model)}"


def test_a_download_goes_on_only_while_the_file_is_the_same(own: Site, job: str, model: bytes) -> None:
    first = ask(own, job)
    tag, date = first.headers["etag"], first.headers["last-modified"]
    for validator in (tag, date):
        assert ask(own, job, Range="bytes=4-", If_Range=validator).content == model[4:]
    for stale in ('"other"', "Thu, 01 Jan 2015 00:00:00 GMT", f"W/{tag}"):
        reply = ask(own, job, Range="bytes=4-", If_Range=stale)
        assert (reply.status_code, reply.content) == (200, model)


def test_who_has_a_file_is_told_that_it_is_the_same(own: Site, job: str) -> None:
    tag = ask(own, job).headers["etag"]
    for known in (tag, f"W/{tag}", f'"a", {tag}', "*"):
        reply = ask(own, job, If_None_Match=known)
        assert (reply.status_code, reply.content, reply.headers["etag"]) == (304, b"", tag)
    assert ask(own, job, If_None_Match='"a"').status_code == 200


@pytest.fixture(scope="module")
def traps(own: Site, job: str) -> Path:
    """A secret, and ways to it: links from both folders, a pipe, a hidden file, a folder called like a model."""
    secret = own.folder / "secret.glb"
    secret.write_bytes(b"secret")
    results, folder = own.folder / "results", folder_of(own, job)
    for place in (results, folder):
        (place / "model.link.glb").symlink_to(secret)
        (place / "model.loop").symlink_to(place / "model.loop")
        os.mkfifo(place / "model.pipe")
        (place / ".model.glb.part").write_bytes(b"half of a model")
        (place / "model.folder").mkdir()
    (folder / "notes.txt").write_bytes(b"no file of the model")
    return results


@pytest.mark.parametrize(
    "name",
    [
        "model.link.glb",
        "model.loop",
        "model.pipe",
        ".model.glb.part",
        "model.folder",
        "notes.txt",
        "secret.glb",
        "..",
        "../secret.glb",
        "..%2Fsecret.glb",
        "%2e%2e%2fsecret.glb",
        "..%5Csecret.glb",
        "%2Fetc%2Fpasswd",
        "//etc/passwd",
        "/dev/zero",
        "model.glb%00",
        "%00",
        "model.glb/",
        "MODEL.GLB",
        "x" * 300,
        "C:model.glb",
        "imagequarry.db",
        "..%2Fimagequarry.db",
    ],
)
def test_nothing_but_results_is_handed_out(own: Site, job: str, traps: Path, name: str) -> None:
    for place in (job, folder_of(own, job).name, "direct"):
        reply = own.client.get(f"/api/v1/download/{place}/{name}", follow_redirects=False)
        assert reply.status_code in (404, 307), reply.text
        assert b"secret" not in reply.content.replace(b"secret.glb", b"")
    assert [file["filename"] for file in get(own.client, f"/download/{job}/all")["files"]] == ["model.glb"]


def test_a_file_in_the_results_is_had_by_its_name_alone(own: Site) -> None:
    saved = own.segment("/segment/objects/extract", "kitten", min_pixels="2000").json()["saved"]
    name = saved[0].removeprefix("./results/")
    reply = own.client.get(f"/api/v1/download/direct/{name}")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    assert reply.content == (own.folder / "results" / name).read_bytes()
    assert own.client.get(f"/api/v1/download/direct/{name}", headers={"Range": "bytes=1-3"}).content == b"PNG"
    assert own.client.head(f"/api/v1/download/direct/{name}").status_code == 200


@pytest.mark.parametrize("path", ["{}/all", "{}/model.glb"])
@pytest.mark.parametrize("id", ["job_456", "direct", "%00", "..", "x" * 300])
def test_an_unknown_job_has_no_files(own: Site, id: str, path: str) -> None:
    reply = own.client.get("/api/v1/download/" + path.format(id))
    assert reply.status_code == 404


def test_a_job_is_found_with_what_is_known_of_it(own: Site, job: str) -> None:
    body = get(own.client, f"/debug/job/{job}")
    assert list(body) == ["job_id", "found", "files", "metadata"]
    assert (body["job_id"], body["found"], body["files"]) == (job, True, ["model.glb"])
    metadata: dict[str, Any] = body["metadata"]
    assert metadata["created"].endswith("Z")
    assert (metadata["status"], metadata["kind"], metadata["model"]) == ("completed", "make-models", "relief")


@pytest.mark.parametrize("id", ["job_456", "%00", "..%5C", "x" * 300])
def test_an_unknown_job_is_not_found_and_that_is_the_answer(own: Site, id: str) -> None:
    body = get(own.client, f"/debug/job/{id}")
    assert (body["found"], body["files"], body["metadata"]) == (False, [], None)
