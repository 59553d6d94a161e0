"""Sockets over a real connection: floods, slow clients, many clients, and what breaks the protocol."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from imagequarry.stores.database import Database
from imagequarry.surfaces.context.sockets.limits import SocketLimits
from tests.fixtures.loopback import SECONDS, wait_until
from tests.surfaces.context.sockets.house import (
    House,
    end_of,
    heard,
    heard_until,
    house,
    opened,
    say,
    served,
)


@pytest.fixture
def url(open_house: House) -> Iterator[str]:
    with served(open_house) as url:
        yield url


def counted(url: str) -> dict[str, Any]:
    # Nothing is encrypted here, and reading certificates would take longer than some of these clients live.
    reply = httpx2.get(url.replace("ws:", "http:") + "/ws/stats", timeout=SECONDS, verify=False)
    found: dict[str, Any] = reply.json()
    return found


def send_frame(client: ClientConnection, opcode: Opcode, data: bytes) -> None:
    """Put a frame on the wire whatever the library thinks of it."""
    client.socket.sendall(Frame(opcode, data).serialize(mask=True))


def test_a_client_speaks_and_listens(url: str, open_house: House) -> None:
    with opened(url, "/ws/processing") as client:
        assert say(client, "ping")["type"] == "pong"
        id = open_house.jobs.run([0.5])
        updates = heard_until(client, lambda said: said["event"] == "completed")
        assert {update["task_id"] for update in updates} == {id}
        assert say(client, "search", query="cat")["results"] == [{"filename": "cat.jpg", "score": 0.5}]


def test_a_message_that_is_too_large_ends_the_socket(url: str) -> None:
    with opened(url) as client:
        client.send(json.dumps({"type": "ping", "padding": "x" * 65_000}))
        assert heard(client)["type"] == "pong"
        client.send("x" * (64 * 1024 + 1))
        assert end_of(client)[0] == 1009


def test_a_large_message_in_small_pieces_ends_the_socket(url: str) -> None:
    with opened(url) as client:
        # The server may hang up before the last piece is sent.
        with suppress(ConnectionClosed):
            client.send(["x" * 1000] * 70)
        assert end_of(client)[0] == 1009


def test_the_limit_holds_where_the_server_has_none(open_house: House) -> None:
    with served(open_house, ws_max_size=2**24) as url, opened(url) as client:
        client.send("ü" * 40_000)
        assert heard(client)["error"] == "ValidationError"
        assert end_of(client) == (1009, "A message has 65536 bytes at most.")


def test_binary_is_an_error_and_broken_text_the_end(url: str) -> None:
    with opened(url) as client:
        client.send(b"\x00\xff")
        assert heard(client)["error"] == "ValidationError"
        assert say(client, "ping")["type"] == "pong"
        send_frame(client, Opcode.TEXT, b'{"type": "\xff\xfe"}')
        assert end_of(client)[0] == 1007


def test_who_talks_too_fast_is_closed_with_a_reason(url: str) -> None:
    with opened(url) as client:
        with suppress(ConnectionClosed):
            for _ in range(260):
                client.send('{"type": "unsubscribe", "channel": "jobs"}')
        assert end_of(client) == (1008, "The client sends more messages than it may.")
        assert counted(url)["dropped_clients"] == 0


def test_every_one_of_a_hundred_clients_hears_of_the_end_of_a_job(sqlite_database: Database) -> None:
    here = house(sqlite_database, limits=SocketLimits(places_each=200))
    with served(here) as url, ExitStack() as sockets:
        clients = [sockets.enter_context(opened(url, "/ws/processing", ping_interval=None)) for _ in range(100)]
        id = here.jobs.run([number / 40 for number in range(40)])
        for client in clients:
            updates = heard_until(client, lambda said: said["event"] == "completed")
            assert {update["task_id"] for update in updates} == {id}
            assert [update["event"] for update in updates[:2]] == ["queued", "started"]
        assert [thread.name for thread in threading.enumerate()].count("job watcher") == 1
        assert counted(url)["active_connections"] == 100


@contextmanager
def deaf(url: str) -> Iterator[socket.socket]:
    """A client that asks for a socket, and then takes only what fits into a very small buffer."""
    host, port = url.removeprefix("ws://").split(":")
    with socket.socket() as raw:
        raw.settimeout(SECONDS)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect((host, int(port)))
        raw.sendall(
            b"GET /ws/processing HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        yield raw


@pytest.mark.parametrize("limits", [SocketLimits(waiting=32), SocketLimits(waiting=10_000, send_seconds=0.5)])
def test_a_client_that_does_not_read_is_dropped_and_the_others_are_not(
    sqlite_database: Database, limits: SocketLimits
) -> None:
    here = house(sqlite_database, limits=limits)
    with served(here, send_buffer=4096) as url, opened(url, "/ws/processing") as reader, deaf(url) as raw:
        wait_until(lambda: counted(url)["active_connections"] == 2)
        for _ in range(50):
            for _ in range(8):
                here.jobs.run()
            for _ in range(8):
                heard_until(reader, lambda said: said["event"] == "completed")
            if counted(url)["dropped_clients"]:
                break
        assert counted(url)["dropped_clients"] == 1
        wait_until(lambda: counted(url)["active_connections"] == 1)
        with suppress(ConnectionResetError):
            while raw.recv(2**16):
                pass  # until the connection is cut; else it times out
        assert say(reader, "ping")["type"] == "pong"


def test_progress_nobody_reads_takes_one_place_and_drops_nobody(sqlite_database: Database) -> None:
    here = house(sqlite_database, limits=SocketLimits(waiting=8))
    with served(here) as url, opened(url, "/ws/processing") as client:
        for _ in range(3):
            here.jobs.run([number / 200 for number in range(200)])
        for _ in range(3):
            updates = heard_until(client, lambda said: said["event"] == "completed")
            steps = [update["progress"] for update in updates if update["event"] == "progress"]
            assert steps == sorted(steps)
            assert steps[-1] == 99.5
        assert counted(url)["dropped_clients"] == 0


def test_a_client_that_vanishes_leaves_nothing_behind(url: str) -> None:
    with opened(url, "/ws/processing") as client:
        assert counted(url)["active_connections"] == 1
        client.socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: counted(url)["active_connections"] == 0)
        assert counted(url)["subscriptions"] == {}


def test_a_client_that_gives_no_sign_of_life_loses_its_place(open_house: House) -> None:
    with served(open_house, ws_ping_interval=0.2, ws_ping_timeout=0.2) as url, opened(url) as alive, deaf(url) as raw:
        wait_until(lambda: counted(url)["connections_by_endpoint"] == {"/ws": 1, "/ws/processing": 1})
        wait_until(lambda: counted(url)["connections_by_endpoint"] == {"/ws": 1})
        while said := raw.recv(2**16):
            last = said
        assert b"keepalive ping timeout" in last
        assert say(alive, "ping")["type"] == "pong"


@pytest.mark.parametrize("path", ["/ws/", "/ws/nothing", "/ws/stats"])
def test_other_addresses_are_no_sockets(url: str, path: str) -> None:
    with pytest.raises(InvalidStatus), connect(url + path, proxy=None):
        pass


def test_a_client_that_does_not_read_cannot_keep_the_server(sqlite_database: Database) -> None:
    here = house(sqlite_database, limits=SocketLimits(waiting=10_000, send_seconds=60))
    with served(here, send_buffer=4096) as url, deaf(url):
        wait_until(lambda: counted(url)["active_connections"] == 1)
        before = -1
        while counted(url)["messages_sent"] > before:  # until nothing more can be sent to it
            before = counted(url)["messages_sent"]
            for _ in range(40):
                here.jobs.run()
            time.sleep(0.1)
        assert counted(url)["active_connections"] == 1
    # That the server ended, and soon, was seen at the end of the block.


def test_every_client_is_told_that_the_server_ends(open_house: House) -> None:
    with ExitStack() as sockets:
        with served(open_house) as url:
            clients = [sockets.enter_context(opened(url, "/ws/processing")) for _ in range(5)]
        assert {end_of(client) for client in clients} == {(1001, "The server is shutting down.")}
