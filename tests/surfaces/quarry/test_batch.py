"""/segment/batch: every picture for itself, and counts that add up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.background import (
    at_work,
    base64_of,
    batch_ended,
    batch_of,
    ended,
    hand_in,
    hand_in_batch,
    jobs_in_all,
    large,
    small,
)
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import Serve, Server, Site, Stored, open_site, photograph

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
POINT = [{"x": 0.5, "y": 0.5}]
BOX = [{"x1": 0.1, "y1": 0.1, "x2": 0.9, "y2": 0.9}]
PYTHON_EXAMPLE = """
import base64

# Prepare images
images = []
with open('image1.jpg', 'rb') as f:
    images.append(base64.b64encode(f.read()).decode())
with open('image2.jpg', 'rb') as f:
    images.append(base64.b64encode(f.read()).decode())

# Submit batch job
payload = {
    'model_type': 'region-tree',
    'images': images
}
response = requests.post('http://localhost:8000/segment/batch', json=payload)
batch_id = response.json()['batch_job_id']

# Check batch status
batch_status = requests.get(f'http://localhost:8000/segment/batch/{batch_id}').json()
"""


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that works on jobs, for all tests of this file."""
    with open_site(tmp_path_factory.mktemp("batch") / "data") as site:
        yield site


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that takes four jobs in and does none."""
    with open_site(tmp_path_factory.mktemp("idle") / "data", job_workers=0, job_queue_length=4) as site:
        yield site


@pytest.fixture
def nothing_kept(idle: Site) -> Iterator[Site]:
    """The idle one, with the proof that the test left no picture and no job behind."""
    before: tuple[Stored, int] = idle.stored(), jobs_in_all(idle.client)
    yield idle
    assert (idle.stored(), jobs_in_all(idle.client)) == before


def test_the_documented_body_is_taken_and_answered_in_the_documented_form(working: Site) -> None:
    body = {
        "model_type": "region-tree",
        "images": [base64_of(small(1)), "data:image/png;base64," + base64_of(small(2))],
        "points": [[{"x": 0.5, "y": 0.5}], [{"x": 0.3, "y": 0.7}]],
        "boxes": [BOX],
        "parameters": {"custom_param": "value"},
    }
    taken = working.client.post("/segment/batch", json=body).json()
    assert list(taken) == ["batch_job_id", "task_id", "status", "total_images", "created_at"]
    assert (taken["status"], taken["total_images"]) == ("submitted", 2)
    assert TIME.fullmatch(taken["created_at"])
    done = batch_ended(working.client, taken["batch_job_id"])
    assert list(done) == [
        *("batch_job_id", "status", "total_images", "completed_images", "failed_images"),
        *("created_at", "updated_at", "jobs"),
    ]
    assert (done["status"], done["completed_images"], done["failed_images"]) == ("completed", 2, 0)
    # Two prompts of three masks each for the first picture, one for the second.
    assert [job["total_masks"] for job in done["jobs"]] == [6, 3]
    assert {job["model_type"] for job in done["jobs"]} == {"region-tree"}
    assert ended(working.client, taken["task_id"])["progress"] == 1.0
    assert working.client.get(f"/jobs/{taken['task_id']}/result").json() == done


def test_each_picture_has_the_masks_of_the_synchronous_route(working: Site) -> None:
    id = hand_in_batch(working.client, [small(1), small(2)], points=[None, POINT], boxes=[BOX])
    first, second = batch_ended(working.client, id)["jobs"]
    for job, seed, prompt in ((first, 1, ("boxes", BOX)), (second, 2, ("points", POINT))):
        found = working.client.get(f"/segment/job/{job['job_id']}").json()
        data = {prompt[0]: str(prompt[1]).replace("'", '"')}
        at_once = working.client.post("/segment/single", files={"image": small(seed)}, data=data).json()
        assert list(found) == list(at_once)
        assert found["masks"] == at_once["masks"]
        assert working.client.get(f"/jobs/{job['job_id']}/result").json() == found


def test_the_documented_example_runs_as_it_stands(working: Site, tmp_path: Path) -> None:
    script = PYTHON_EXAMPLE
    for name, photo in (("image1.jpg", "chelsea"), ("image2.jpg", "rocket")):
        (tmp_path / name).write_bytes(photograph(photo))
        script = script.replace(name, str(tmp_path / name))

    class Requests:
        @staticmethod
        def post(url: str, json: Any) -> httpx2.Response:
            return working.client.post(url.removeprefix("http://localhost:8000"), json=json)

        @staticmethod
        def get(url: str) -> httpx2.Response:
            return working.client.get(url.removeprefix("http://localhost:8000"))

    names: dict[str, Any] = {"requests": Requests}
    exec(script, names)
    assert names["batch_status"]["total_images"] == 2
    assert batch_ended(working.client, names["batch_id"])["completed_images"] == 2


def test_a_broken_picture_fails_alone_and_the_counts_add_up(working: Site) -> None:
    pictures = [small(1), photograph("chelsea")[:4000], small(2), b"", small(3)]
    id = hand_in_batch(working.client, pictures, points=[POINT] * 5)
    done = batch_ended(working.client, id)
    assert (done["status"], done["completed_images"], done["failed_images"]) == ("completed", 3, 2)
    assert [job["status"] for job in done["jobs"]] == ["completed", "failed", "completed", "failed", "completed"]
    broken = done["jobs"][1]
    assert broken["error"]
    assert working.client.get(f"/jobs/{broken['job_id']}").json()["data"]["error_code"] == "INVALID_PICTURE"
    status = ended(working.client, id)
    assert (status["total_images"], status["processed_images"], status["progress"]) == (5, 5, 1.0)
    listed = working.client.get("/jobs/").json()["data"][0]
    assert (listed["job_id"], listed["total_masks"]) == (id, 9)


def test_a_batch_of_broken_pictures_failed(working: Site) -> None:
    # The documented placeholders are themselves no pictures.
    body = {"images": ["base64_encoded_image_1...", "base64_encoded_image_2..."]}
    id = working.client.post("/segment/batch", json=body).json()["batch_job_id"]
    done = batch_ended(working.client, id)
    assert (done["status"], done["completed_images"], done["failed_images"]) == ("failed", 0, 2)
    assert working.client.get(f"/jobs/{id}/result").json() == done
    assert working.client.get(f"/jobs/{id}").json()["data"]["error_code"] == "NONE_COMPLETED"


def test_parameters_that_are_known_are_obeyed(working: Site) -> None:
    few = hand_in_batch(working.client, [small(4)], parameters={"min_area": 500})
    all_of_them = hand_in_batch(working.client, [small(4)])
    counts = [batch_ended(working.client, id)["jobs"][0]["total_masks"] for id in (few, all_of_them)]
    assert 0 < counts[0] < counts[1]


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{}",
        "nothing",
        '{"images": []}',
        '{"images": "text"}',
        '{"images": [1]}',
        '{"images": ["aaaa"], "points": [[], []]}',
        '{"images": ["aaaa"], "boxes": [[], []]}',
        '{"images": ["aaaa"], "points": [{"x": 0.5, "y": 0.5}]}',
        '{"images": ["aaaa"], "points": [[{"x": 1.5, "y": 0.5}]]}',
        '{"images": ["aaaa"], "points": [[{"x": NaN, "y": 0.5}]]}',
        '{"images": ["aaaa"], "boxes": [[{"x1": 0.9, "y1": 0.1, "x2": 0.1, "y2": 0.9}]]}',
        '{"images": ["aaaa"], "parameters": []}',
        '{"images": ["aaaa"], "parameters": {"points_per_side": "many"}}',
        '{"images": ["aaaa"], "model_type": "no-such-model"}',
        '{"images": ["aaaa"], "model_type": 7}',
    ],
)
def test_a_malformed_body_is_refused_in_a_sentence(nothing_kept: Site, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    reply = nothing_kept.client.post("/segment/batch", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error_code"]) == (422, "VALIDATION_ERROR")
    assert 10 < len(reply.json()["message"]) < 500
    assert "pydantic" not in reply.text


def test_a_model_without_weights_is_refused_at_once(nothing_kept: Site) -> None:
    body = {"images": [base64_of(small())], "model_type": "vit_h"}
    reply = nothing_kept.client.post("/segment/batch", json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (503, "MODEL_ERROR")
    assert "imagequarry models pull vit_h" in reply.text


def test_a_batch_that_never_fits_is_refused_for_good(nothing_kept: Site) -> None:
    reply = nothing_kept.client.post("/segment/batch", json={"images": [base64_of(small())] * 5})
    assert (reply.status_code, reply.json()["error_code"]) == (422, "VALIDATION_ERROR")
    assert "4" in reply.json()["message"]


def test_a_full_queue_is_busy_and_keeps_nothing(idle: Site) -> None:
    id = hand_in_batch(idle.client, [small(n) for n in range(3)])
    before = idle.stored(), jobs_in_all(idle.client)
    refused = idle.client.post("/segment/batch", json={"images": [base64_of(small())] * 2})
    assert (refused.status_code, refused.json()["error_code"]) == (503, "HTTP_ERROR")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (idle.stored(), jobs_in_all(idle.client)) == before
    last = hand_in(idle.client, "box", small(), box='{"x": 1, "y": 1, "width": 20, "height": 20}')
    full = idle.client.post("/segment/auto/async", files={"image": small()})
    assert (full.status_code, full.headers["Retry-After"]) == (503, refused.headers["Retry-After"])
    for each in (id, last):
        assert idle.client.delete(f"/jobs/{each}").status_code == 200
    assert idle.stored().rows["images"] == 0
    assert idle.stored().blobs == frozenset()


def test_what_is_no_batch_is_not_found_as_one(idle: Site) -> None:
    id = hand_in(idle.client, "auto", small())
    assert idle.client.get(f"/segment/batch/{id}").json()["error_code"] == "JOB_NOT_FOUND"
    assert idle.client.get("/segment/batch/batch-12345").status_code == 404
    idle.client.delete(f"/jobs/{id}")


def test_deleting_a_batch_in_the_middle_leaves_nothing(working: Site) -> None:
    before = working.stored()
    parameters = {"crop_n_layers": 3, "points_per_side": 32}
    id = hand_in_batch(working.client, [small(9), large(), small(8)], parameters=parameters)
    at_work(working.client, id)
    child = batch_of(working.client, id)["jobs"][0]["job_id"]
    alone = working.client.delete(f"/jobs/{child}")
    assert (alone.status_code, alone.json()["error_code"]) == (409, "HTTP_ERROR")
    assert working.client.delete(f"/jobs/{id}").status_code == 200
    for gone in (id, child):
        assert working.client.get(f"/jobs/{gone}").status_code == 404
    ended(working.client, hand_in_batch(working.client, [small()], points=[POINT]), seconds=60)
    assert working.stored().rows["images"] == before.rows["images"] + 1


def resident_mb(server: Server) -> float:
    """The memory that the server process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


@pytest.mark.timeout(180)
def test_memory_does_not_grow_with_a_batch(serve: Serve) -> None:
    server = serve(EMBEDDING_CACHE_MB="1", CANDIDATE_CACHE_MB="1")
    pictures = [encoded(scene(120, 90, seed), "JPEG") for seed in range(200)]
    warm = hand_in_batch(server.client, pictures[:30], points=[POINT] * 30)
    assert batch_ended(server.client, warm)["completed_images"] == 30
    before = resident_mb(server)
    id = hand_in_batch(server.client, pictures, points=[POINT] * 200)
    done = batch_ended(server.client, id, seconds=150)
    assert (done["completed_images"], done["failed_images"], len(done["jobs"])) == (200, 0, 200)
    # With the embeddings of all pictures kept it grows by 20 MB.
    assert resident_mb(server) - before < 10
