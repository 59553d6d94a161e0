"""The whole application on loopback, without workers: tests drive its jobs by hand and watch them as clients do."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from imagequarry.app import create_app
from imagequarry.runtime import assembling
from tests.fixtures.ledger import Jobs
from tests.fixtures.loopback import SECONDS, served
from tests.fixtures.server import settings_in


@dataclass(frozen=True)
class Desk:
    """The application, the hand that does its jobs, and a client of it."""

    app: FastAPI
    jobs: Jobs
    client: httpx2.Client
    address: str

    @property
    def open_streams(self) -> int:
        count: int = self.app.state.task_streams.open
        return count

    def status(self, id: str) -> dict[str, Any]:
        """``/tasks/{id}/status``."""
        reply = self.client.get(f"/api/v1/status/tasks/{id}/status")
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found


@dataclass(frozen=True)
class Event:
    """What a browser's ``onmessage`` gets: the JSON in ``data``, and ``lastEventId``."""

    id: int | None
    data: dict[str, Any]


@contextmanager
def open_desk(folder: Path, *, send_buffer: int | None = None, **given: Any) -> Iterator[Desk]:
    """The application from its start to its end, which must come soon whoever watches."""
    free = {"job_workers": 0, "rate_limit_per_minute": 0, "rate_limit_per_hour": 0}
    settings = settings_in(folder, **{**free, **given})
    parts = assembling.assemble(settings)
    app = create_app(settings, parts=parts)
    jobs = Jobs(parts.database, parts._machinery.bell)
    with (
        served(app, app.state.streams, send_buffer=send_buffer) as address,
        httpx2.Client(base_url=f"http://{address}", timeout=SECONDS) as client,
    ):
        yield Desk(app, jobs, client, address)


@contextmanager
def watching(client: httpx2.Client, id: str, **given: Any) -> Iterator[Iterator[Event]]:
    """A watcher of the job; ``headers`` are sent along, all else stands in the address."""
    headers = given.pop("headers", {})
    with client.stream("GET", f"/api/v1/status/tasks/{id}/stream", params=given, headers=headers) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "text/event-stream"
        yield events_in(reply.iter_lines())


def watched(client: httpx2.Client, id: str, **given: Any) -> list[Event]:
    """All that one who watches from now on is told, to the end of the stream."""
    with watching(client, id, **given) as events:
        return list(events)


@contextmanager
def plain_watcher(address: str, id: str) -> Iterator[Iterator[Event]]:
    """A watcher that takes little memory and no thread, for many at once."""
    with closing(HTTPConnection(address, timeout=SECONDS)) as connection:
        connection.request("GET", f"/api/v1/status/tasks/{id}/stream")
        reply = connection.getresponse()
        assert reply.status == 200
        yield events_in(line.decode().removesuffix("\n") for line in iter(reply.readline, b""))


def events_in(lines: Iterator[str]) -> Iterator[Event]:
    """The events as the HTML standard reads them; comments are none. Nothing but ids and data is expected."""
    id: int | None = None
    data: list[str] = []
    for line in lines:
        if line == "":
            if data:
                yield Event(id, json.loads("\n".join(data)))
            data = []
        elif line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif line.startswith("id: "):
            id = int(line.removeprefix("id: "))
        else:
            assert line.startswith((": ", "retry: ")), line


def types(events: list[Event]) -> list[str]:
    """What kinds of events they are."""
    return [event.data["type"] for event in events]


@contextmanager
def deaf(desk: Desk, id: str) -> Iterator[socket.socket]:
    """A client that asks for a stream, and then takes only what fits into a very small buffer."""
    host, port = desk.address.split(":")
    with socket.socket() as raw:
        raw.settimeout(SECONDS)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect((host, int(port)))
        raw.sendall(f"GET /api/v1/status/tasks/{id}/stream HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield raw


def check_refusal(reply: httpx2.Response, status: int, code: str) -> None:
    """The reply says no in document E's envelope."""
    assert reply.status_code == status
    assert set(reply.json()) == {"detail"}
    detail = reply.json()["detail"]
    assert set(detail) == {"code", "message", "details"}
    assert detail["code"] == code
    assert detail["message"]
