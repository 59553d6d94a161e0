"""What a socket is told of jobs: the right ones, in document B's words, once, and what it missed."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from starlette.testclient import TestClient, WebSocketTestSession

from tests.fixtures.ledger import Jobs
from tests.fixtures.loopback import wait_until
from tests.surfaces.context.sockets.house import House, stats


def greeted(session: WebSocketTestSession) -> None:
    assert session.receive_json()["type"] == "connection"


def follow(session: WebSocketTestSession, **what: Any) -> None:
    session.send_text(json.dumps({"type": "subscribe", **what}))
    assert session.receive_json()["type"] == "subscribed"


def told(session: WebSocketTestSession, last: str = "completed") -> list[dict[str, Any]]:
    """The updates up to one of that kind."""
    updates = [session.receive_json()]
    while updates[-1]["event"] != last:
        updates.append(session.receive_json())
    return updates


def readers() -> int:
    return [thread.name for thread in threading.enumerate()].count("job watcher")


def test_a_job_is_followed_from_its_beginning_to_its_end(client: TestClient, open_house: House) -> None:
    with client.websocket_connect("/ws/processing") as session:
        greeted(session)
        id = open_house.jobs.run([0.25])
        updates = told(session)
        for update in updates:
            assert set(update) == {
                *("type", "channel", "task_id", "event", "status", "progress", "message", "kind", "data"),
                *("seq", "timestamp"),
            }
            assert (update["type"], update["channel"], update["task_id"]) == ("processing_update", "processing", id)
        assert [update["event"] for update in updates] == ["queued", "started", "progress", "completed"]
        assert [update["status"] for update in updates] == ["queued", "processing", "processing", "completed"]
        assert [update["progress"] for update in updates] == [0, 0, 25, 100]
        assert [update["message"] for update in updates] == ["Queued", "Started", "at 0.25", "Completed"]
        assert [update["seq"] for update in updates] == sorted({update["seq"] for update in updates})


def test_a_job_that_fails_or_is_cancelled_has_failed(client: TestClient, open_house: House) -> None:
    with client.websocket_connect("/ws/processing") as session:
        greeted(session)
        open_house.jobs.ledger.cancel(open_house.jobs.add())
        update = told(session, "cancelled")[-1]
        assert update["status"] == "failed"
        assert update["progress"] == 0
        assert update["data"] == {"code": "CANCELLED"}
        assert update["message"] == "The job was cancelled."


def test_each_channel_tells_of_its_jobs(client: TestClient, open_house: House) -> None:
    jobs = open_house.jobs
    with client.websocket_connect("/ws") as all_jobs, client.websocket_connect("/ws/processing") as processing:
        greeted(all_jobs)
        greeted(processing)
        follow(all_jobs, channel="jobs")
        other, mine = jobs.run(kind="other"), jobs.run()
        assert {update["task_id"] for update in told(processing)} == {mine}
        updates = told(all_jobs) + told(all_jobs)
        assert [update["task_id"] for update in updates] == [other] * 3 + [mine] * 3
        assert {update["channel"] for update in updates} == {"jobs"}
        batch = jobs.add(children=3)
        assert told(all_jobs, "queued")[-1]["task_id"] == batch
        last = jobs.run()
        assert {update["task_id"] for update in told(all_jobs)} == {last}  # nothing of the jobs of the batch


def test_one_task_is_followed_by_its_id_in_three_spellings(client: TestClient, open_house: House) -> None:
    jobs = open_house.jobs
    id, other = jobs.add(), jobs.add()
    for wish in ({"task_id": id}, {"channel": f"task:task-{id}"}, {"channel": "processing", "task_id": f"task-{id}"}):
        with client.websocket_connect("/ws") as session:
            greeted(session)
            session.send_text(json.dumps({"type": "subscribe", **wish}))
            assert session.receive_json()["channel"] == f"task:{id}"
            assert session.receive_json()["event"] == "queued"  # where it stands
    with client.websocket_connect("/ws") as session:
        greeted(session)
        follow(session, task_id=id)
        session.receive_json()
        jobs.ledger.cancel(other)
        jobs.ledger.cancel(id)
        assert [update["task_id"] for update in told(session, "cancelled")] == [id]


def test_a_task_that_ended_before_is_told_of_at_once(client: TestClient, open_house: House) -> None:
    id = open_house.jobs.run([0.5])
    with client.websocket_connect("/ws") as session:
        greeted(session)
        follow(session, task_id=id)
        assert [update["event"] for update in told(session)] == ["completed"]


def test_who_comes_back_is_told_what_was_missed_and_nothing_twice(client: TestClient, open_house: House) -> None:
    jobs = open_house.jobs
    with client.websocket_connect("/ws/processing") as session:
        greeted(session)
        jobs.run()
        seen = told(session)
    missed = [jobs.run([0.1, 0.2]), jobs.run()]
    jobs.run(kind="other")
    for wish in ({"channel": "processing"}, {"channel": "jobs", "task_id": missed[0]}):
        with client.websocket_connect("/ws") as session:
            greeted(session)
            follow(session, since=seen[-1]["seq"], **wish)
            updates = told(session)
            assert [update["task_id"] for update in updates] == [missed[0]] * 4  # of the progress, the newest
            if "task_id" not in wish:
                assert {update["task_id"] for update in told(session)} == {missed[1]}
            now = jobs.run()
            if "task_id" not in wish:
                assert {update["task_id"] for update in told(session)} == {now}
            session.send_text('{"type": "ping"}')
            assert session.receive_json()["type"] == "pong"


def test_resuming_while_jobs_go_on_leaves_no_gap(client: TestClient, open_house: House) -> None:
    jobs = open_house.jobs
    jobs.run()
    stop = threading.Event()

    def work(jobs: Jobs) -> None:
        while not stop.is_set():
            jobs.run()

    worker = threading.Thread(target=work, args=(jobs,))
    worker.start()
    try:
        seen: list[int] = []
        for _ in range(8):
            with client.websocket_connect("/ws") as session:
                greeted(session)
                follow(session, channel="processing", since=seen[-1] if seen else 0)
                for _ in range(3):
                    seen += [update["seq"] for update in told(session)]
    finally:
        stop.set()
        worker.join()
    assert seen == list(range(1, len(seen) + 1))


def test_an_old_number_brings_the_newest_only(client: TestClient, open_house: House) -> None:
    for _ in range(100):
        last = open_house.jobs.run()
    with client.websocket_connect("/ws") as session:
        greeted(session)
        follow(session, channel="processing", since=0)
        updates = [session.receive_json() for _ in range(128)]
        assert updates[-1]["task_id"] == last
        session.send_text('{"type": "ping"}')
        assert session.receive_json()["type"] == "pong"


def test_following_twice_tells_once_and_unfollowing_ends_it(client: TestClient, open_house: House) -> None:
    with client.websocket_connect("/ws/processing") as session:
        greeted(session)
        follow(session, channel="processing")
        open_house.jobs.run()
        assert len(told(session)) == 3
        session.send_text('{"type": "unsubscribe", "channel": "processing"}')
        assert session.receive_json()["type"] == "unsubscribed"
        open_house.jobs.run()
        time.sleep(0.1)
        session.send_text('{"type": "ping"}')
        assert session.receive_json()["type"] == "pong"


def test_one_reader_serves_all_sockets_and_ends_with_the_last(client: TestClient, open_house: House) -> None:
    wait_until(lambda: readers() == 0)
    for _ in range(2):
        with client.websocket_connect("/ws") as one, client.websocket_connect("/ws/processing") as other:
            greeted(one)
            greeted(other)
            assert readers() == 1
            open_house.jobs.run()
            assert len(told(other)) == 3
        wait_until(lambda: readers() == 0)
    assert stats(client)["active_connections"] == 0


def test_events_of_another_process_come_too(client: TestClient, open_house: House) -> None:
    elsewhere = Jobs(open_house.database, type(open_house.bell)())
    with client.websocket_connect("/ws/processing") as session:
        greeted(session)
        id = elsewhere.run()
        assert {update["task_id"] for update in told(session)} == {id}
