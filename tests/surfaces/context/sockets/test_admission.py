"""Who may open a socket: keys as header or first message, pages of known origins, and not too many at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from imagequarry.stores.database import Database
from imagequarry.surfaces.context.sockets.limits import SocketLimits
from tests.fixtures.loopback import wait_until
from tests.surfaces.context.sockets.house import house, stats
from tests.surfaces.context.sockets.test_messages import PATHS, check_error
from tests.surfaces.context.test_models import check_refusal

KEYS = ("first-key", "zweiter Schlüssel")


@pytest.fixture
def guarded(sqlite_database: Database) -> Iterator[TestClient]:
    """A client of an application that wants a key."""
    limits = SocketLimits(key_seconds=0.3)
    with TestClient(house(sqlite_database, keys=KEYS, limits=limits).app) as client:
        yield client


def refused(client: TestClient, headers: dict[str, str], path: str = "/ws") -> WebSocketDenialResponse:
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect(path, headers=headers):
        pass
    return refusal.value


def closed(session: WebSocketTestSession, code: int) -> str:
    with pytest.raises(WebSocketDisconnect) as end:
        session.receive_json()
    assert end.value.code == code
    return str(end.value.reason)


def greets(client: TestClient, headers: dict[str, str] | None = None) -> bool:
    with client.websocket_connect("/ws", headers=headers or {}) as session:
        return bool(session.receive_json()["type"] == "connection")


@pytest.mark.parametrize("path", PATHS)
def test_a_key_in_either_header_opens_every_socket(guarded: TestClient, path: str) -> None:
    for headers in ({"X-API-Key": KEYS[0]}, {"Authorization": f"Bearer {KEYS[0]}"}):
        with guarded.websocket_connect(path, headers=headers) as session:
            assert session.receive_json()["type"] == "connection"


@pytest.mark.parametrize("headers", [{"X-API-Key": "first-ke"}, {"Authorization": "Bearer x"}])
def test_a_wrong_key_in_a_header_is_refused_before_the_socket_opens(
    guarded: TestClient, headers: dict[str, str]
) -> None:
    check_refusal(refused(guarded, headers), 403, "AuthenticationError")
    assert stats(guarded)["total_connections"] == 0


@pytest.mark.parametrize("key", KEYS)
def test_a_key_as_the_first_message_opens_the_socket(guarded: TestClient, key: str) -> None:
    with guarded.websocket_connect("/ws/processing") as session:
        session.send_text(json.dumps({"type": "auth", "api_key": key}))
        assert session.receive_json()["type"] == "authenticated"
        assert session.receive_json()["channels"] == ["processing"]
        session.send_text(json.dumps({"type": "auth", "api_key": "other"}))
        check_error(session.receive_json(), "AuthenticationError")
        session.send_text('{"type": "ping"}')
        assert session.receive_json()["type"] == "pong"


@pytest.mark.parametrize(
    "first",
    [
        {"type": "auth", "api_key": "wrong-key-7"},
        {"type": "auth", "api_key": "\ud800"},
        {"type": "auth", "api_key": ["first-key"]},
        {"type": "auth"},
        {"type": "ping"},
        {"type": "subscribe", "channel": "processing"},
        {"type": "search", "query": "cat"},
        "first-key",
        None,
    ],
)
def test_anything_else_is_answered_with_an_error_and_the_end(guarded: TestClient, first: Any) -> None:
    with guarded.websocket_connect("/ws") as session:
        if first is not None:  # else the time is up before anything is said
            session.send_text(json.dumps(first))
        check_error(said := session.receive_json(), "AuthenticationError")
        assert "key-7" not in said["message"]
        assert closed(session, 4401) == said["message"]


def test_nothing_is_told_before_the_key(guarded: TestClient) -> None:
    with guarded.websocket_connect("/ws/processing") as session:
        assert stats(guarded)["subscriptions"] == {}
        session.send_text(json.dumps({"type": "auth", "api_key": KEYS[0]}))
        assert [session.receive_json()["type"] for _ in range(2)] == ["authenticated", "connection"]
        assert stats(guarded)["subscriptions"] == {"processing": 1}


def test_a_server_without_keys_takes_any(client: TestClient) -> None:
    with client.websocket_connect("/ws", headers={"X-API-Key": "any"}) as session:
        session.receive_json()
        session.send_text(json.dumps({"type": "auth", "api_key": "any"}))
        assert session.receive_json()["type"] == "authenticated"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("pictures.example", "https://pictures.example"),
        ("pictures.example:443", "https://pictures.example"),
        ("Pictures.Example", "http://pictures.example:80"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("127.0.0.1:8000", "https://page.example"),
    ],
)
def test_a_page_of_this_server_or_of_a_known_origin_may_open_a_socket(
    sqlite_database: Database, host: str, origin: str
) -> None:
    with TestClient(house(sqlite_database, origins=["https://page.example"]).app) as client:
        assert greets(client, {"Host": host, "Origin": origin})


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:8001",
        "http://127.0.0.1",
        "http://localhost:8000",
        "http://127.0.0.1:8000.evil.example",
        "https://page.example.evil.example",
        "http://page.example",
        "null",
        "",
        "127.0.0.1:8000",
        "file://",
    ],
)
def test_a_page_from_elsewhere_may_not(sqlite_database: Database, origin: str) -> None:
    with TestClient(house(sqlite_database, origins=["https://page.example"]).app) as client:
        refusal = refused(client, {"Host": "127.0.0.1:8000", "Origin": origin})
        check_refusal(refusal, 403, "AuthenticationError")
        assert greets(client)


def test_every_page_may_when_all_origins_may(sqlite_database: Database) -> None:
    with TestClient(house(sqlite_database, origins=["*"]).app) as client:
        assert greets(client, {"Origin": "https://any.example"})


@pytest.mark.parametrize("limits", [SocketLimits(places=3), SocketLimits(places_each=3)])
def test_one_socket_too_many_is_refused_and_a_place_that_came_free_is_given_again(
    sqlite_database: Database, limits: SocketLimits
) -> None:
    with TestClient(house(sqlite_database, limits=limits).app) as client:
        for _ in range(2):
            with ExitStack() as sockets:
                for _ in range(3):
                    sockets.enter_context(client.websocket_connect("/ws")).receive_json()
                refusal = refused(client, {})
                check_refusal(refusal, 503, "BusyError")
                assert refusal.headers["Retry-After"] == "10"
            wait_until(lambda: stats(client)["active_connections"] == 0)


def test_who_was_not_asked_for_a_key_yet_takes_a_place(sqlite_database: Database) -> None:
    limits = SocketLimits(places=1)
    with TestClient(house(sqlite_database, keys=KEYS, limits=limits).app) as client, client.websocket_connect("/ws"):
        check_refusal(refused(client, {"X-API-Key": KEYS[0]}), 503, "BusyError")


def test_a_server_that_ends_lets_nobody_in_and_tells_who_is(sqlite_database: Database) -> None:
    here = house(sqlite_database)
    with TestClient(here.app) as client, client.websocket_connect("/ws") as session:
        session.receive_json()
        here.streams.close()
        assert closed(session, 1001) == "The server is shutting down."
        assert here.streams.wait(5)
        check_refusal(refused(client, {}), 503, "BusyError")
