"""What a socket says to each message, in order or out of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from tests.fixtures.loopback import wait_until
from tests.surfaces.context.sockets.house import House, stats

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
PATHS = ("/ws", "/ws/processing", "/ws/search")


def check_error(said: dict[str, Any], word: str = "ValidationError") -> None:
    assert (said["type"], said["error"]) == ("error", word)
    assert said["message"].endswith(".")
    assert TIME.fullmatch(said["timestamp"])


def answer(session: WebSocketTestSession, text: str) -> Any:
    session.send_text(text)
    return session.receive_json()


@pytest.mark.parametrize(("path", "channels"), [("/ws", []), ("/ws/processing", ["processing"]), ("/ws/search", [])])
def test_a_client_is_greeted(client: TestClient, path: str, channels: list[str]) -> None:
    ids = set()
    for _ in range(2):
        with client.websocket_connect(path) as session:
            said = session.receive_json()
            assert set(said) == {"type", "status", "client_id", "channels", "timestamp"}
            assert (said["type"], said["status"], said["channels"]) == ("connection", "connected", channels)
            assert TIME.fullmatch(said["timestamp"])
            ids.add(said["client_id"])
    assert len(ids) == 2


@pytest.mark.parametrize("path", PATHS)
def test_the_example_of_the_document_works_on_every_socket(client: TestClient, path: str) -> None:
    with client.websocket_connect(path) as session:
        session.receive_json()
        said = answer(session, '{"type": "ping"}')
        assert set(said) == {"type", "timestamp"}
        assert said["type"] == "pong"
        said = answer(session, '{"type": "subscribe", "channel": "processing"}')
        assert (said["type"], said["channel"]) == ("subscribed", "processing")
        said = answer(session, '{"type": "unsubscribe", "channel": "processing"}')
        assert (said["type"], said["channel"]) == ("unsubscribed", "processing")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ping",
        "{",
        "null",
        "[]",
        '"ping"',
        "7",
        "{}",
        '{"type": null}',
        '{"type": ["ping"]}',
        '{"type": "PING"}',
        '{"type": "dance"}',
        "[" * 30_000,
        '{"type": ' + "9" * 5000 + "}",
        '{"type": "subscribe"}',
        '{"type": "subscribe", "channel": "weather"}',
        '{"type": "subscribe", "channel": 7}',
        '{"type": "subscribe", "channel": "task:"}',
        '{"type": "subscribe", "channel": "task:' + "x" * 200 + '"}',
        '{"type": "subscribe", "channel": "processing", "task_id": 7}',
        '{"type": "subscribe", "channel": "processing", "task_id": "a\\u0000b"}',
        '{"type": "subscribe", "channel": "processing", "since": -1}',
        '{"type": "subscribe", "channel": "processing", "since": "3"}',
        '{"type": "subscribe", "channel": "processing", "since": true}',
        '{"type": "subscribe", "channel": "processing", "since": 1e3}',
        '{"type": "subscribe", "channel": "processing", "since": 9223372036854775808}',
        '{"type": "unsubscribe", "channel": "weather"}',
        '{"type": "auth"}',
        '{"type": "search"}',
        '{"type": "search", "query": "   "}',
        '{"type": "search", "query": 7}',
        '{"type": "search", "query": "a\\u0000b"}',
        '{"type": "search", "query": "\\ud800"}',
        '{"type": "search", "query": "' + "x" * 1001 + '"}',
        '{"type": "search", "query": "x", "limit": 0}',
        '{"type": "search", "query": "x", "limit": 101}',
        '{"type": "search", "query": "x", "limit": 2.5}',
        '{"type": "search", "query": "x", "limit": true}',
        '{"type": "search", "query": "x", "min_score": 1.01}',
        '{"type": "search", "query": "x", "min_score": -0.1}',
        '{"type": "search", "query": "x", "min_score": NaN}',
        '{"type": "search", "query": "x", "min_score": "high"}',
        '{"type": "search", "query": "x", "objects": {"cat": 1}}',
        '{"type": "search", "query": "x", "objects": [1]}',
        '{"type": "search", "query": "x", "objects": ' + json.dumps(["cat"] * 51) + "}",
        '{"type": "search", "query": "x", "request_id": [1]}',
        '{"type": "search", "query": "x", "request_id": Infinity}',
        '{"type": "search", "query": "x", "request_id": ' + "9" * 400 + "}",
        '{"type": "search", "query": "x", "request_id": "' + "x" * 257 + '"}',
    ],
    ids=range(49),
)
def test_what_cannot_be_used_is_answered_with_an_error_and_the_socket_stays(client: TestClient, text: str) -> None:
    with client.websocket_connect("/ws") as session:
        session.receive_json()
        check_error(answer(session, text))
        assert answer(session, '{"type": "ping"}')["type"] == "pong"


def test_a_binary_message_is_an_error_and_the_socket_stays(client: TestClient) -> None:
    with client.websocket_connect("/ws") as session:
        session.receive_json()
        session.send_bytes(b'{"type": "ping"}')
        check_error(session.receive_json())
        assert answer(session, '{"type": "ping"}')["type"] == "pong"


@pytest.mark.parametrize("id", ["nothing", "../x", "a b"])
def test_a_task_that_is_not_there_cannot_be_followed(client: TestClient, id: str) -> None:
    with client.websocket_connect("/ws") as session:
        session.receive_json()
        check_error(answer(session, json.dumps({"type": "subscribe", "task_id": id})), "NotFoundError")
        assert stats(client)["subscriptions"] == {}


def test_a_socket_follows_only_so_many_channels(client: TestClient, open_house: House) -> None:
    ids = [open_house.jobs.add() for _ in range(65)]
    with client.websocket_connect("/ws") as session:
        session.receive_json()
        for id in ids[:64]:
            assert answer(session, json.dumps({"type": "subscribe", "task_id": id}))["type"] == "subscribed"
            assert session.receive_json()["status"] == "queued"
        check_error(answer(session, json.dumps({"type": "subscribe", "task_id": ids[64]})))
        assert answer(session, json.dumps({"type": "subscribe", "task_id": ids[0]}))["type"] == "subscribed"
        assert stats(client)["subscriptions"] == {"task": 64}


def test_the_statistics_tell_what_is_open(client: TestClient) -> None:
    before = stats(client)
    assert set(before) == {
        "total_connections",
        "active_connections",
        "connections_by_endpoint",
        "subscriptions",
        "messages_sent",
        "messages_received",
        "dropped_clients",
        "timestamp",
    }
    assert (before["total_connections"], before["active_connections"], before["subscriptions"]) == (0, 0, {})
    assert TIME.fullmatch(before["timestamp"])
    with client.websocket_connect("/ws") as one, client.websocket_connect("/ws/processing") as other:
        for session in (one, other):
            session.receive_json()
            answer(session, '{"type": "subscribe", "channel": "jobs"}')
        now = stats(client)
        assert now["total_connections"] == now["active_connections"] == 2
        assert now["connections_by_endpoint"] == {"/ws": 1, "/ws/processing": 1}
        assert now["subscriptions"] == {"jobs": 2, "processing": 1}
        assert now["messages_received"] == 2
        assert now["messages_sent"] == 4
    wait_until(lambda: stats(client)["active_connections"] == 0)
    after = stats(client)
    assert (after["total_connections"], after["connections_by_endpoint"], after["subscriptions"]) == (2, {}, {})
