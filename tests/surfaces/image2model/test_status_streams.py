"""Event streams of surface E: what watchers are told, from where they left off, until the end."""

from __future__ import annotations

import json
import threading

import pytest

from imagequarry.domain.job import JobError
from tests.surfaces.image2model.watchers import (
    Desk,
    Event,
    check_refusal,
    types,
    watched,
    watching,
)

WATCHERS = 100


def test_a_job_is_told_of_in_the_documents_words_while_it_happens(desk: Desk) -> None:
    id = desk.jobs.add()
    with watching(desk.client, id) as events:
        pending = next(events).data
        assert pending == {"type": "progress", "task_id": id, "progress": 0, "status": "pending"}
        claim = desk.jobs.take(id)
        assert next(events).data == pending | {"status": "processing"}
        desk.jobs.claims.progress(claim, 0.5, "half way")
        half = {"type": "progress", "task_id": id, "progress": 50, "status": "processing", "message": "half way"}
        assert next(events).data == half
        desk.jobs.claims.log(claim, "info", "Processing texture...")
        assert next(events).data == {"type": "log", "task_id": id, "message": "Processing texture..."}
        desk.jobs.claims.complete(claim, {"it": "is done"})
        end = next(events).data
        assert end == {
            "type": "completed", "task_id": id, "result": "success", "progress": 100, "status": "completed"
        }  # fmt: skip
        assert list(events) == []


def test_every_event_is_one_data_line_with_its_number(desk: Desk) -> None:
    id = desk.jobs.add()
    claim = desk.jobs.take(id)
    desk.jobs.claims.log(claim, "info", "two\nlines, \r\nthen data: {}\n\nid: 7 \u2028 ü")
    desk.jobs.claims.complete(claim, None)
    text = desk.client.get(f"/api/v1/status/tasks/{id}/stream").text
    blocks = text.removesuffix("\n\n").split("\n\n")
    numbers = []
    for block in blocks:
        first, second = block.split("\n")
        numbers.append(int(first.removeprefix("id: ")))
        assert json.loads(second.removeprefix("data: "))["task_id"] == id
    assert numbers == sorted(set(numbers))
    assert "two\nlines" in json.loads(blocks[-2].split("\n")[1].removeprefix("data: "))["message"]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_job_that_fails_or_is_cancelled_ends_with_an_error(desk: Desk, cancelled: bool) -> None:
    id = desk.jobs.add()
    with watching(desk.client, id) as events:
        next(events)
        if cancelled:
            desk.jobs.ledger.cancel(id)
        else:
            desk.jobs.claims.fail(desk.jobs.take(id), JobError("FAL_API_ERROR", "Processing failed"))
        *_, end = [event.data for event in events]
    code, error = ("CANCELLED", "The job was cancelled.") if cancelled else ("FAL_API_ERROR", "Processing failed")
    assert end == {"type": "error", "task_id": id, "error": error, "code": code, "status": "failed"}


def test_a_finished_job_is_told_again_with_its_newest_progress_only(desk: Desk) -> None:
    id = desk.jobs.run([0.1, 0.5, 0.9])
    for spelling in (id, f"task-{id}", f"task-task-{id}"):
        events = watched(desk.client, spelling)
        assert types(events) == ["progress", "completed"]
        assert events[0].data["progress"] == 90
        assert {event.data["task_id"] for event in events} == {id}


def test_who_comes_back_is_told_what_was_missed_and_nothing_twice(desk: Desk) -> None:
    id = desk.jobs.add()
    claim = desk.jobs.take(id)
    for line in ("one", "two", "three"):
        desk.jobs.claims.log(claim, "info", line)
    with watching(desk.client, id) as events:
        seen = [next(events) for _ in range(3)]
    assert [event.data.get("message") for event in seen] == [None, "one", "two"]
    desk.jobs.claims.log(claim, "info", "four")
    desk.jobs.claims.complete(claim, None)
    last = str(seen[-1].id)
    for given in ({"headers": {"Last-Event-ID": last}}, {"last_event_id": last}):
        events_after = watched(desk.client, id, **given)
        assert [event.data.get("message") for event in events_after] == ["three", "four", None]
        assert types(events_after)[-1] == "completed"
    # The address says where a browser began, the header where it is now.
    later = watched(desk.client, id, last_event_id=0, headers={"Last-Event-ID": str(events_after[0].id)})
    assert [event.data.get("message") for event in later] == ["four", None]


def test_who_saw_the_end_is_told_to_come_back_no_more(desk: Desk) -> None:
    id = desk.jobs.run()
    end = watched(desk.client, id)[-1].id
    assert end is not None
    for given in ({"headers": {"Last-Event-ID": str(end)}}, {"params": {"last_event_id": end + 5}}):
        reply = desk.client.get(f"/api/v1/status/tasks/{id}/stream", **given)
        assert (reply.status_code, reply.content) == (204, b"")


def test_a_number_that_was_never_given_out_hides_nothing_of_a_job_at_work(desk: Desk) -> None:
    id = desk.jobs.add()
    with watching(desk.client, id, last_event_id=2**63 - 1) as events:
        desk.jobs.claims.complete(desk.jobs.take(id), None)
        assert types(list(events))[-1] == "completed"


def test_a_job_that_is_started_again_is_not_over(desk: Desk) -> None:
    id = desk.jobs.add()
    desk.jobs.claims.fail(desk.jobs.take(id), JobError("FAILED", "It failed."))
    failed = watched(desk.client, id)[-1]
    desk.jobs.ledger.retry(id, 1)
    with watching(desk.client, id) as events:
        assert next(events).data["status"] == "pending"
        desk.jobs.claims.complete(desk.jobs.take(id), None)
        assert types(list(events))[-1] == "completed"
    assert types(watched(desk.client, id, last_event_id=failed.id)) == ["progress", "completed"]


def test_resuming_while_a_job_goes_on_leaves_no_gap(desk: Desk) -> None:
    id = desk.jobs.add()
    claim = desk.jobs.take(id)

    def work() -> None:
        for number in range(300):
            desk.jobs.claims.log(claim, "info", str(number))
        desk.jobs.claims.complete(claim, None)

    worker = threading.Thread(target=work)
    worker.start()
    seen: list[Event] = []
    while not seen or seen[-1].data["type"] != "completed":
        last = {"last_event_id": seen[-1].id} if seen else {}
        with watching(desk.client, id, **last) as events:
            seen += [event for event, _ in zip(events, range(20), strict=False) if event.data["type"] != "progress"]
    worker.join()
    assert [event.data["message"] for event in seen[:-1]] == [str(number) for number in range(300)]


def test_a_deleted_job_ends_with_an_error(desk: Desk) -> None:
    id = desk.jobs.add()
    with watching(desk.client, id) as events:
        next(events)
        desk.jobs.ledger.remove(id)
        (end,) = [event.data for event in events]
    assert end == {
        "type": "error", "task_id": id, "error": "The job was deleted.", "code": "NOT_FOUND", "status": "failed"
    }  # fmt: skip
    check_refusal(desk.client.get(f"/api/v1/status/tasks/{id}/stream"), 404, "NOT_FOUND")


@pytest.mark.parametrize("id", ["nothing", "00000000-0000-0000-0000-000000000000", "task-", "%00", "x" * 2000])
def test_a_job_that_is_not_there_is_refused_before_the_first_byte(desk: Desk, id: str) -> None:
    for path in (f"tasks/{id}/stream", f"tasks/{id}/status", f"jobs/{id}/progress"):
        check_refusal(desk.client.get(f"/api/v1/status/{path}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "query",
    [
        *("timeout=0", "timeout=-1", "timeout=86401", "timeout=x", "timeout=", "timeout=1.5", "timeout=nan"),
        *("last_event_id=-1", "last_event_id=x", f"last_event_id={2**63}"),
    ],
)
def test_a_number_that_cannot_be_is_refused(desk: Desk, query: str) -> None:
    id = desk.jobs.run()
    check_refusal(desk.client.get(f"/api/v1/status/tasks/{id}/stream?{query}"), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("given", ["x", "-1", "1.5", str(2**63)])
def test_a_last_event_that_is_none_is_refused(desk: Desk, given: str) -> None:
    id = desk.jobs.run()
    headers = {"Last-Event-ID": given}
    check_refusal(desk.client.get(f"/api/v1/status/tasks/{id}/stream", headers=headers), 400, "VALIDATION_ERROR")
