"""Streams of batches: one progress for all of it, with each file, and what the files' jobs say."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from imagequarry.domain.job import JobError, JobLimits, JobOrder
from imagequarry.surfaces.image2model.streaming.batches import MOST_FILES
from tests.fixtures.background import small
from tests.fixtures.loopback import SECONDS
from tests.fixtures.modelling import get, upload
from tests.surfaces.image2model.watchers import Desk, open_desk, types, watched, watching

COUNTS = ("total_files", "completed_files", "failed_files")


def batch(desk: Desk, files: int, kind: str = "make-model") -> tuple[str, list[str]]:
    """A batch of models to be made, and the ids of its files."""
    children = [JobOrder(kind, {"filename": f"{number}.jpg"}) for number in range(files)]
    id = desk.jobs.ledger.add(JobOrder("make-models", {}), JobLimits(), children)[0].id
    return id, [job.id for job in desk.jobs.ledger.page(files, parent_id=id).jobs]


def test_a_batch_is_told_of_with_its_files(desk: Desk) -> None:
    id, files = batch(desk, 3)
    claims = desk.jobs.claims
    with watching(desk.client, id) as events:
        assert next(events).data == {
            "type": "progress",
            "task_id": id,
            "progress": 0,
            "status": "pending",
            "total_files": 3,
            "completed_files": 0,
            "failed_files": 0,
            "files": {
                file: {"status": "pending", "progress": 0, "filename": f"{number}.jpg"}
                for number, file in enumerate(files)
            },
        }
        claim = desk.jobs.take(files[0])
        claims.progress(claim, 0.5, "half")
        while (said := next(events).data)["progress"] != 16.67:
            assert said["type"] == "progress"
        assert said["files"][files[0]] == {"status": "processing", "progress": 50, "filename": "0.jpg"}
        claims.log(claim, "info", "Processing texture...")
        log = {"type": "log", "task_id": id, "message": "Processing texture...", "file_id": files[0]}
        while (said := next(events).data)["type"] == "progress":
            assert said["progress"] == 16.67
        assert said == log
        claims.complete(claim, None)
        claims.fail(desk.jobs.take(files[1]), JobError("FAL_API_ERROR", "It broke."))
        claims.complete(desk.jobs.take(files[2]), None)
        *_, end = events
        assert end.data["type"] == "completed"
        assert [end.data[name] for name in COUNTS] == [3, 2, 1]
        assert [end.data["files"][file]["status"] for file in files] == ["completed", "failed", "completed"]
        assert "model_url" not in end.data
    again = watched(desk.client, id)
    assert sorted(types(again)) == ["completed", "log", "progress"]
    assert again[-1] == end
    only_one = watched(desk.client, files[0])
    assert only_one[-1].data["model_url"] == f"http://{desk.address}/api/v1/download/{files[0]}/model.glb"


def test_a_batch_of_one_has_one_model(desk: Desk) -> None:
    id, (file,) = batch(desk, 1)
    with watching(desk.client, id) as events:
        next(events)
        desk.jobs.claims.complete(desk.jobs.take(file), {"model": "relief"})
        *_, end = events
    assert end.data["model_url"] == f"http://{desk.address}/api/v1/download/{id}/model.glb"
    assert desk.client.get(f"/api/v1/models/job/{id}").json()["model_url"] == end.data["model_url"]
    assert desk.status(file)["result"]["model_url"] == end.data["model_url"].replace(id, file)


def test_a_batch_of_which_nothing_came_ends_with_an_error(desk: Desk) -> None:
    id, files = batch(desk, 2)
    with watching(desk.client, id) as events:
        for file in files:
            desk.jobs.claims.fail(desk.jobs.take(file), JobError("FAL_API_ERROR", "It broke."))
        *_, end = events
    assert (end.data["type"], end.data["code"]) == ("error", "NONE_COMPLETED")
    assert [end.data[name] for name in COUNTS] == [2, 0, 2]


def test_two_watchers_of_a_batch_are_told_the_same(desk: Desk) -> None:
    id, files = batch(desk, 2)
    with watching(desk.client, id) as one, watching(desk.client, id) as other:
        assert next(one) == next(other)
        for file in files:
            desk.jobs.claims.complete(desk.jobs.take(file), None)
        ends = [list(one)[-1], list(other)[-1]]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("files", [MOST_FILES, MOST_FILES + 1])
def test_a_very_large_batch_is_told_of_in_numbers(desk: Desk, files: int) -> None:
    id, ids = batch(desk, files)
    with watching(desk.client, id) as events:
        next(events)
        desk.jobs.claims.complete(desk.jobs.take(ids[0]), None)
        while (said := next(events).data).get("completed_files") != 1:
            pass
    assert said["total_files"] == files
    assert ("files" in said) == (files <= MOST_FILES)


def test_a_deleted_batch_ends_with_an_error(desk: Desk) -> None:
    id, _ = batch(desk, 2)
    with watching(desk.client, id) as events:
        next(events)
        desk.jobs.ledger.remove(id)
        *_, end = events
    assert (end.data["type"], end.data["error"]) == ("error", "The job was deleted.")


def test_models_that_are_made_are_watched_to_the_end(tmp_path: Path) -> None:
    with open_desk(tmp_path, job_workers=1) as desk:
        files = (("one.png", small(1)), ("broken.png", b"no picture"), ("two.png", small(2)))
        taken = upload(desk.client, *files, model_type="relief", face_limit=2000)
        told = [event.data for event in watched(desk.client, taken["task_id"])]
        end = told[-1]
        assert (end["type"], [end[name] for name in COUNTS]) == ("completed", [3, 2, 1])
        names = [end["files"][file["file_id"]]["filename"] for file in taken["uploaded_files"]]
        assert names == ["one.png", "broken.png", "two.png"]
        steps = [data["progress"] for data in told if data["type"] == "progress"]
        assert steps == sorted(steps)
        said = [data for data in told if data["type"] == "log"]
        assert {data["file_id"] for data in said} == {taken["uploaded_files"][place]["file_id"] for place in (0, 2)}
        assert get(desk.client, f"/status/jobs/{taken['job_id']}/progress")["files"] == end["files"]

        alone = upload(desk.client, ("three.png", small(3)), model_type="relief", face_limit=2000)
        url = watched(desk.client, alone["task_id"])[-1].data["model_url"]
        assert httpx2.get(url, timeout=SECONDS).content.startswith(b"glTF")
        (file,) = alone["uploaded_files"]
        result = desk.status(file["file_id"])["result"]
        assert (result["model"], result["filename"]) == ("relief", "three.png")
        assert httpx2.get(result["model_url"], timeout=SECONDS).content.startswith(b"glTF")
