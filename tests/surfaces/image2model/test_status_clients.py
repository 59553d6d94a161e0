"""Event streams of surface E: clients that leave, sleep or are many, and the server's end."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import pytest

from imagequarry.jobs.bells import Bell
from imagequarry.stores.database import Database
from imagequarry.surfaces.watching.event_stream import StreamLimits
from tests.fixtures.ledger import Jobs
from tests.fixtures.loopback import SECONDS, wait_until
from tests.fixtures.server import serving
from tests.surfaces.image2model.watchers import (
    Desk,
    check_refusal,
    deaf,
    events_in,
    open_desk,
    plain_watcher,
    types,
    watched,
    watching,
)

WATCHERS = 100
# Fewer than the watchers, so that the server must ask for more.
FEW_FILES = ("sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh")


def readers() -> int:
    return [thread.name for thread in threading.enumerate()].count("job watcher")


@pytest.mark.alone
def test_the_timeout_ends_a_stream_in_good_order(desk: Desk) -> None:
    id = desk.jobs.add()
    started = time.monotonic()
    assert types(watched(desk.client, id, timeout=1)) == ["progress"]
    assert 0.9 < time.monotonic() - started < 5


def test_a_silent_stream_gives_signs_of_life(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        desk.app.state.task_streams.limits = StreamLimits(ping_seconds=0.1)
        id = desk.jobs.add()
        with desk.client.stream("GET", f"/api/v1/status/tasks/{id}/stream") as reply:
            lines = reply.iter_lines()
            assert [next(lines) for _ in range(7)][3:] == [": ping", "", ": ping", ""]


@pytest.mark.alone
def test_a_client_that_leaves_is_noticed_at_once(desk: Desk) -> None:
    wait_until(lambda: desk.open_streams == 0)
    id = desk.jobs.add()
    with watching(desk.client, id) as events:
        next(events)
        assert desk.open_streams == 1
        assert readers() == 1
    left = time.monotonic()
    wait_until(lambda: desk.open_streams == 0)
    wait_until(lambda: readers() == 0)
    assert time.monotonic() - left < 2


def test_more_streams_than_there_are_places_are_refused(tmp_path: Path) -> None:
    with open_desk(tmp_path, max_streams=1) as desk:
        id = desk.jobs.add()
        with watching(desk.client, id) as events:
            next(events)
            reply = desk.client.get(f"/api/v1/status/tasks/{id}/stream")
            check_refusal(reply, 503, "BUSY")
            assert reply.headers["Retry-After"] == "10"
        wait_until(lambda: desk.open_streams == 0)
        assert types(watched(desk.client, id, timeout=1)) == ["progress"]


def test_a_slow_client_misses_old_lines_and_never_the_end(tmp_path: Path) -> None:
    with open_desk(tmp_path, send_buffer=4096) as desk:
        desk.app.state.task_streams.limits = StreamLimits(waiting=20)
        id = desk.jobs.add()
        claim = desk.jobs.take(id)
        with deaf(desk, id) as raw, watching(desk.client, id) as events:
            wait_until(lambda: desk.open_streams == 2)
            for number in range(300):
                desk.jobs.claims.log(claim, "info", f"{number} {'x' * 900}")
                desk.jobs.claims.progress(claim, number / 300, "")
                next(events)
            desk.jobs.claims.complete(claim, None)
            assert types(list(events))[-1] == "completed"  # nobody waits for the slow one
            assert desk.open_streams == 1
            taken = events_in(iter(_body(raw).split("\n")))
            said = [event.data for event in taken]
        assert said[-1]["type"] == "completed"
        numbers = [int(data["message"].split()[0]) for data in said if data["type"] == "log"]
        assert numbers == sorted(set(numbers))
        assert len(numbers) < 250
        assert numbers[-1] == 299


def test_a_client_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    with open_desk(tmp_path, send_buffer=4096) as desk:
        desk.app.state.task_streams.limits = StreamLimits(send_seconds=0.3)
        id = desk.jobs.add()
        claim = desk.jobs.take(id)
        with deaf(desk, id):
            wait_until(lambda: desk.open_streams == 1)
            for number in range(300):
                desk.jobs.claims.log(claim, "info", f"{number} {'x' * 900}")
            wait_until(lambda: desk.open_streams == 0)
    # That the server ended, and soon, was seen at the end of the outer block.


def test_a_client_that_takes_nothing_cannot_keep_the_server(tmp_path: Path) -> None:
    with ExitStack() as left, open_desk(tmp_path, send_buffer=4096) as desk:
        id = desk.jobs.add()
        claim = desk.jobs.take(id)
        left.enter_context(deaf(desk, id))
        wait_until(lambda: desk.open_streams == 1)
        for number in range(300):
            desk.jobs.claims.log(claim, "info", f"{number} {'x' * 900}")
        assert desk.open_streams == 1


def test_the_server_s_end_ends_every_stream_in_good_order(tmp_path: Path) -> None:
    with ExitStack() as streams:
        client = streams.enter_context(httpx2.Client(timeout=SECONDS))
        with open_desk(tmp_path) as desk:
            id = desk.jobs.add()
            client.base_url = httpx2.URL(f"http://{desk.address}")
            path = f"/api/v1/status/tasks/{id}/stream"
            replies = [streams.enter_context(client.stream("GET", path)) for _ in range(5)]
            lines = [reply.iter_lines() for reply in replies]
            for one in lines:
                assert next(one).startswith("id: ")
        for one in lines:
            assert list(one)[2:] == ["retry: 2000", ""]


def test_every_one_of_a_hundred_watchers_hears_the_end(tmp_path: Path) -> None:
    variables = {"JOB_WORKERS": "0", "RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_PER_HOUR": "0"}
    with serving(tmp_path, variables, FEW_FILES) as server, ExitStack() as connections:
        database = connections.enter_context(closing(Database(f"sqlite:///{tmp_path}/data/imagequarry.db")))
        jobs = Jobs(database, Bell())  # a worker in another process
        id = jobs.add()
        address = server.url.removeprefix("http://")
        watchers = [connections.enter_context(plain_watcher(address, id)) for _ in range(WATCHERS)]
        assert {next(events).data["status"] for events in watchers} == {"pending"}
        claim = jobs.take(id)
        jobs.claims.log(claim, "info", "It is done.")
        jobs.claims.complete(claim, None)
        heard = [list(events) for events in watchers]
    assert {tuple(types(events)[-2:]) for events in heard} == {("log", "completed")}
    assert len({events[-1].id for events in heard}) == 1


def _body(raw: socket.socket) -> str:
    """What comes until the last chunk, without the head and the lengths of chunks."""
    taken = b""
    while not taken.endswith(b"0\r\n\r\n"):
        more = raw.recv(2**16)
        assert more, "the stream was cut"
        taken += more
    _, _, rest = taken.partition(b"\r\n\r\n")
    body = b""
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(length, 16)], rest[int(length, 16) + 2 :]
    return body.decode()
