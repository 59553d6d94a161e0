"""Document A's asynchronous routes: what they take, what they refuse at once, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.background import LONG, at_work, ended, hand_in, jobs_in_all, large, small, status_of
from tests.fixtures.drive import FOLDER, fake_drive
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import Site, Stored, open_site, photograph

ROUTES = ("auto", "box", "objects/extract")
STATUS = ["job_id", "status", "created_at", "updated_at", "progress", "total_images", "processed_images"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MEDIUM = encoded(scene(400, 300), "JPEG")
BOX = '{"x": 10, "y": 8, "width": 40, "height": 30}'

PYTHON_EXAMPLE = """
import time

# Submit async job
with open('image.jpg', 'rb') as f:
    files = {'image': f}
    response = requests.post('http://localhost:8000/segment/auto/async', files=files)

task_id = response.json()['task_id']

# Check status
while True:
    status = requests.get(f'http://localhost:8000/jobs/{task_id}/status').json()
    if status['data']['status'] in ['completed', 'failed']:
        break
    time.sleep(1)

# Get results
results = requests.get(f'http://localhost:8000/jobs/{task_id}/result').json()
print(results['total_masks'])
"""


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that works on jobs, for all tests of this file."""
    with open_site(tmp_path_factory.mktemp("async") / "data") as site:
        yield site


@pytest.fixture
def nothing_kept(working: Site) -> Iterator[Site]:
    """The same, with the proof that the test left no picture, file or job behind."""
    before: tuple[Stored, int] = working.stored(), jobs_in_all(working.client)
    yield working
    assert (working.stored(), jobs_in_all(working.client)) == before


def here(site: Site) -> type[Any]:
    """As much of the library ``requests`` as the documented examples need, on this application."""

    class Requests:
        @staticmethod
        def post(url: str, **request: Any) -> httpx2.Response:
            return site.client.post(url.removeprefix("http://localhost:8000"), **request)

        @staticmethod
        def get(url: str) -> httpx2.Response:
            return site.client.get(url.removeprefix("http://localhost:8000"))

    return Requests


@pytest.mark.parametrize("what", ["auto", "box"])
def test_the_result_is_that_of_the_synchronous_route(working: Site, what: str) -> None:
    fields = {"box": BOX} if what == "box" else {"pred_iou_thresh": "0.5"}
    id = hand_in(working.client, what, small(), **fields)
    status = ended(working.client, id)
    assert list(status)[: len(STATUS)] == STATUS
    assert (status["job_id"], status["status"], status["progress"]) == (id, "completed", 1.0)
    assert (status["total_images"], status["processed_images"]) == (1, 1)
    assert TIME.fullmatch(status["created_at"])
    assert TIME.fullmatch(status["updated_at"])
    found = working.client.get(f"/jobs/{id}/result").json()
    at_once = working.client.post(f"/segment/{what}", files={"image": small()}, data=fields).json()
    assert found == at_once
    assert found["total_masks"] == len(found["masks"]) > 0


def test_the_envelope_of_a_status_is_the_documented_one(working: Site) -> None:
    id = hand_in(working.client, "box", small(), box=BOX)
    body = working.client.get(f"/jobs/{id}/status").json()
    assert body["success"] is True
    assert body["message"] == "Job status retrieved successfully"
    assert TIME.fullmatch(body["timestamp"])
    ended(working.client, id)


def test_the_documented_example_runs_as_it_stands(
    working: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "image.jpg").write_bytes(photograph("chelsea"))
    exec(PYTHON_EXAMPLE.replace("image.jpg", str(tmp_path / "image.jpg")), {"requests": here(working)})
    assert int(capsys.readouterr().out) >= 5


@pytest.mark.parametrize("prefix", ["", "task-", "task-task-"])
def test_an_id_is_known_with_and_without_its_prefix(working: Site, prefix: str) -> None:
    id = hand_in(working.client, "box", small(), box=BOX)
    assert ended(working.client, prefix + id)["job_id"] == id
    assert working.client.get(f"/jobs/{prefix}{id}").json()["data"]["job_id"] == id
    assert working.client.get(f"/jobs/{prefix}{id}/result").json()["total_masks"] == 3
    assert working.client.get(f"/segment/job/{prefix}{id}").json()["job_id"] == id
    assert "<svg" in working.client.get(f"/segment/job/{prefix}{id}/visualization").text
    assert working.client.delete(f"/jobs/{prefix}{id}").status_code == 200
    assert working.client.get(f"/jobs/{prefix}{id}").status_code == 404


@pytest.mark.parametrize("format", ["png", "rle", "polygon", "svg"])
def test_masks_come_in_the_form_that_the_result_is_asked_for(working: Site, format: str) -> None:
    id = hand_in(working.client, "box", small(), box=BOX, multimask_output="false")
    ended(working.client, id)
    (mask,) = working.client.get(f"/jobs/{id}/result", params={"mask_format": format}).json()["masks"]
    fields = {"box": BOX, "multimask_output": "false", "mask_format": format}
    (same,) = working.client.post("/segment/box", files={"image": small()}, data=fields).json()["masks"]
    assert mask == same


def test_progress_moves_and_never_back(working: Site) -> None:
    id = hand_in(working.client, "auto", MEDIUM, crop_n_layers="2")
    seen = [at_work(working.client, id)]
    while seen[-1]["status"] == "running":
        seen.append(status_of(working.client, id))
    told = [status["progress"] for status in seen]
    assert told == sorted(told)
    assert len(set(told)) >= 3
    assert told[-1] == 1.0
    assert seen[-1]["status"] == "completed"
    assert "of 21" in seen[0]["message"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("picture", [b"", b"no picture", photograph("chelsea")[:5000]], ids=["empty", "text", "half"])
def test_a_broken_picture_is_refused_at_once(nothing_kept: Site, route: str, picture: bytes) -> None:
    reply = nothing_kept.client.post(f"/segment/{route}/async", files={"image": ("a.jpg", picture)})
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "IMAGE_VALIDATION_ERROR"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("model", "status", "code"), [("vit_h", 503, "MODEL_ERROR"), ("no-such-model", 422, "VALIDATION_ERROR")]
)
def test_a_model_that_cannot_run_is_refused_at_once(
    nothing_kept: Site, route: str, model: str, status: int, code: str
) -> None:
    fields = {"model_type": model, "box": BOX}
    reply = nothing_kept.client.post(f"/segment/{route}/async", files={"image": small()}, data=fields)
    assert (reply.status_code, reply.json()["error_code"]) == (status, code)
    assert model in reply.json()["message"]


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        ("auto", {"points_per_side": "many"}),
        ("auto", {"pred_iou_thresh": "1.5"}),
        ("auto", {"crop_n_layers": "-1"}),
        ("box", {"box": "[1, 2"}),
        ("box", {"box": '{"x": 1, "y": 2}'}),
        ("box", {"box": '{"x": 60, "y": 40, "width": 100, "height": 100}'}),
        ("box", {"box": '{"x": 1, "y": 2, "width": 0, "height": 5}'}),
        ("objects/extract", {"min_pixels": "-1"}),
        ("objects/extract", {"save_dir": "../elsewhere"}),
        ("objects/extract", {"save_dir": "/etc"}),
        ("objects/extract", {"drive_folder_id": "a/b"}),
    ],
)
def test_bad_parameters_are_refused_at_once(nothing_kept: Site, route: str, fields: dict[str, str]) -> None:
    reply = nothing_kept.client.post(f"/segment/{route}/async", files={"image": small()}, data=fields)
    assert (reply.status_code, reply.json()["error_code"]) == (422, "VALIDATION_ERROR")


def test_objects_are_extracted_into_files_and_go_with_their_job(working: Site) -> None:
    fields = {"min_pixels": "200", "save_dir": "./results/cut", "pred_iou_thresh": "0.3"}
    id = hand_in(working.client, "objects/extract", small(), **fields)
    assert ended(working.client, id)["status"] == "completed"
    found = working.client.get(f"/jobs/{id}/result").json()
    assert list(found)[:3] == ["saved", "skipped", "drive_files"]
    assert found["drive_files"] == []
    folder = working.folder / "results" / "cut"
    assert found["saved"] == [f"./results/cut/object_{number}.png" for number in range(len(found["saved"]))]
    assert len(found["saved"]) >= 2
    assert {file.name for file in folder.iterdir()} == {name.rpartition("/")[2] for name in found["saved"]}
    assert working.client.get(f"/jobs/{id}").json()["data"]["total_masks"] >= len(found["saved"])
    # One is somebody else's by now, and one was never the job's.
    (folder / "object_0.png").unlink()
    (folder / "object_0.png").write_bytes(b"mine")
    (folder / "object_99.png").write_bytes(b"another's")
    assert working.client.delete(f"/jobs/{id}").status_code == 200
    assert sorted(file.name for file in folder.iterdir()) == ["object_0.png", "object_99.png"]


def test_objects_are_sent_to_google_drive_too(tmp_path: Path) -> None:
    with fake_drive() as google:
        given = {
            "google_drive_enabled": True,
            "google_service_account_json": google.key_file(tmp_path),
            "drive_folder_id": FOLDER,
            "drive_api_url": google.url,
        }
        with open_site(tmp_path / "data", **given) as site:
            id = hand_in(site.client, "objects/extract", small(), min_pixels="200", save_to_drive="true")
            assert ended(site.client, id)["status"] == "completed"
            found = site.client.get(f"/jobs/{id}/result").json()
            assert len(found["drive_files"]) == len(found["saved"]) > 0
            kept = {(site.folder / "results" / Path(name).name).read_bytes() for name in found["saved"]}
            assert kept == {file.content for file in google.files.values()}
            assert set(found["drive_files"][0]) == {"file_id", "web_view"}


def test_a_drive_that_is_not_set_up_costs_a_warning_and_not_the_objects(working: Site) -> None:
    id = hand_in(working.client, "objects/extract", small(), min_pixels="200", save_to_drive="true", save_dir="here")
    assert ended(working.client, id)["status"] == "completed"
    found = working.client.get(f"/jobs/{id}/result").json()
    assert found["saved"]
    assert found["drive_files"] == []
    assert found["warnings"]


def test_deleting_a_job_in_the_middle_stops_its_work(working: Site) -> None:
    before = working.stored()
    id = hand_in(working.client, "auto", large(), **LONG)
    at_work(working.client, id)
    assert working.client.delete(f"/jobs/{id}").json()["message"] == "Job deleted successfully"
    assert working.client.get(f"/jobs/{id}").status_code == 404
    assert working.stored() == before
    # The one worker is free again within a part of the search and a look at the ledger.
    ended(working.client, hand_in(working.client, "box", small(), box=BOX), seconds=60)
