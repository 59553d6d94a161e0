"""A small application with nothing but sockets, on a real database: served in this process, by uvicorn on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from imagequarry.errors import InvalidInput
from imagequarry.jobs.bells import Bell
from imagequarry.jobs.watching import Watching
from imagequarry.stores.database import Database
from imagequarry.stores.ledger_stream import EventLog
from imagequarry.surfaces.context.sockets import Sockets, router
from imagequarry.surfaces.context.sockets.limits import SocketLimits
from imagequarry.surfaces.keys import Keys
from imagequarry.surfaces.streams import Streams
from imagequarry.surfaces.watching.feed import Feed
from tests.fixtures import loopback
from tests.fixtures.ledger import KIND, Jobs
from tests.fixtures.loopback import SECONDS


@dataclass
class Finder:
    """A search that takes its time, and remembers what it was asked."""

    seconds: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(
        self, *, query: str, limit: int, objects: Sequence[str], min_score: float | None
    ) -> list[dict[str, Any]]:
        self.asked.append({"query": query, "limit": limit, "objects": tuple(objects), "min_score": min_score})
        time.sleep(self.seconds)
        if query == "refuse":
            raise InvalidInput("That cannot be searched.")
        if query == "stumble":
            raise ZeroDivisionError("secret of the house")
        return [{"filename": f"{query}.jpg", "score": 0.5}]


@dataclass
class House:
    """The application, its jobs and its search."""

    app: FastAPI
    jobs: Jobs
    finder: Finder
    streams: Streams
    database: Database
    bell: Bell


def house(
    database: Database,
    *,
    keys: Sequence[str] = (),
    origins: Sequence[str] = (),
    limits: SocketLimits | None = None,
    bell: Bell | None = None,
) -> House:
    """An application with the three sockets."""
    bell = bell or Bell()
    streams, finder = Streams(), Finder()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        feed = Feed(Watching(EventLog(database), bell))
        app.state.sockets = Sockets(
            feed, Keys(keys), streams, origins=origins, processing={KIND}, search=finder, limits=limits
        )
        yield
        await asyncio.to_thread(feed.close)

    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    return House(app, Jobs(database, bell), finder, streams, database, bell)


@contextmanager
def served(here: House, *, send_buffer: int | None = None, **given: Any) -> Iterator[str]:
    """The application behind uvicorn, set up as the command does; its address. ``send_buffer`` is the kernel's."""
    with loopback.served(here.app, here.streams, send_buffer=send_buffer, **given) as address:
        yield f"ws://{address}"


@contextmanager
def opened(url: str, path: str = "/ws", **given: Any) -> Iterator[ClientConnection]:
    """A client that was greeted."""
    with connect(url + path, proxy=None, open_timeout=SECONDS, close_timeout=1, **given) as client:
        assert heard(client)["type"] == "connection"
        yield client


def heard(client: ClientConnection) -> dict[str, Any]:
    """The next message."""
    said = json.loads(client.recv(SECONDS))
    assert isinstance(said, dict)
    return said


def heard_until(client: ClientConnection, last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The messages up to the one that is looked for."""
    said = [heard(client)]
    while not last(said[-1]):
        said.append(heard(client))
    return said


def end_of(client: ClientConnection) -> tuple[int, str]:
    """The code and the reason it is closed with; what comes before is thrown away."""
    with suppress(ConnectionClosed):
        while True:
            client.recv(SECONDS)
    assert client.protocol.close_rcvd is not None
    return client.protocol.close_rcvd.code, client.protocol.close_rcvd.reason


def say(client: ClientConnection, type: str, **fields: Any) -> dict[str, Any]:
    """Send a message and take the next one."""
    client.send(json.dumps({"type": type, **fields}))
    return heard(client)


def stats(client: TestClient) -> dict[str, Any]:
    reply = client.get("/ws/stats")
    assert reply.status_code == 200
    found: dict[str, Any] = reply.json()
    return found
