"""How far work is, asked for once: any job of any surface, in document E's words."""

from __future__ import annotations

import re

import pytest

from imagequarry.domain.job import JobError
from tests.fixtures.background import batch_ended, ended, hand_in, hand_in_batch, small
from tests.fixtures.server import Site
from tests.surfaces.image2model.watchers import Desk

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_a_task_says_how_it_stands_from_its_beginning_to_its_end(desk: Desk) -> None:
    jobs = desk.jobs
    id = jobs.add()
    status = desk.status(id)
    assert TIME.fullmatch(status.pop("timestamp"))
    assert status == {"task_id": id, "status": "pending", "progress": 0, "result": None, "error": None}
    claim = jobs.take(id)
    jobs.claims.progress(claim, 0.75, "")
    assert [desk.status(f"task-{id}")[name] for name in ("status", "progress")] == ["processing", 75]
    jobs.claims.complete(claim, {"faces": 10})
    assert [desk.status(id)[name] for name in ("status", "progress", "result")] == ["completed", 100, {"faces": 10}]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_task_that_failed_or_was_cancelled_says_why(desk: Desk, cancelled: bool) -> None:
    id = desk.jobs.add()
    if cancelled:
        desk.jobs.ledger.cancel(id)
    else:
        desk.jobs.claims.fail(desk.jobs.take(id), JobError("TIMEOUT", "Processing failed"))
    status = desk.status(id)
    assert status["status"] == "failed"
    assert status["error"] == ("The job was cancelled." if cancelled else "Processing failed")
    assert status["result"] is None


def test_a_batch_says_how_far_each_of_its_files_is(desk: Desk) -> None:
    jobs = desk.jobs
    id = jobs.add(children=3)
    path = f"/api/v1/status/jobs/{id}/progress"
    children = list(desk.client.get(path).json()["files"])
    jobs.claims.complete(jobs.take(children[0]), None)
    jobs.claims.progress(jobs.take(children[1]), 0.5, "")
    assert desk.client.get(path).json() == {
        "job_id": id,
        "overall_progress": 50,
        "total_files": 3,
        "completed_files": 1,
        "failed_files": 0,
        "files": {
            children[0]: {"status": "completed", "progress": 100, "filename": ""},
            children[1]: {"status": "processing", "progress": 50, "filename": ""},
            children[2]: {"status": "pending", "progress": 0, "filename": ""},
        },
    }
    jobs.ledger.cancel(children[2])
    found = desk.client.get(path).json()
    assert (found["overall_progress"], found["failed_files"]) == (83.33, 1)
    assert found["files"][children[2]]["status"] == "failed"
    assert desk.status(id)["status"] == "processing"


def test_a_job_by_itself_is_its_only_file(desk: Desk) -> None:
    id = desk.jobs.add()
    found = desk.client.get(f"/api/v1/status/jobs/task-{id}/progress").json()
    assert found["job_id"] == id
    assert found["files"] == {id: {"status": "pending", "progress": 0, "filename": ""}}
    assert found["total_files"] == 1


def test_jobs_of_other_surfaces_can_be_asked_for(site: Site) -> None:
    id = hand_in(site.client, "auto", small())
    batch = hand_in_batch(site.client, [small(1), small(2)])
    ended(site.client, id)
    batch_ended(site.client, batch)
    status = site.client.get(f"/api/v1/status/tasks/{id}/status").json()
    assert status["status"] == "completed"
    assert status["result"]["total_masks"] > 0
    assert site.client.get(f"/api/v1/status/tasks/{batch}/status").json()["result"] is None
    found = site.client.get(f"/api/v1/status/jobs/{batch}/progress").json()
    assert (found["overall_progress"], found["completed_files"]) == (100, 2)
    for job in (id, batch):
        text = site.client.get(f"/api/v1/status/tasks/{job}/stream").text
        assert '"type": "completed"' in text.split("\n\n")[-2]
