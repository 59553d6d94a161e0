"""Search while somebody types: everything is answered, only the newest is searched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from tests.fixtures.loopback import wait_until
from tests.surfaces.context.sockets.house import House
from tests.surfaces.context.sockets.test_messages import TIME, check_error


def ask(session: WebSocketTestSession, **wish: Any) -> None:
    session.send_text(json.dumps({"type": "search", **wish}))


@pytest.fixture
def session(client: TestClient) -> Any:
    with client.websocket_connect("/ws/search") as session:
        session.receive_json()
        yield session


def test_a_search_is_answered(session: WebSocketTestSession, open_house: House) -> None:
    ask(session, query=" cats playing ", limit=3, objects=["cat", " dog "], min_score=0.2, request_id="a1")
    said = session.receive_json()
    assert set(said) == {"type", "query", "request_id", "results", "count", "search_time", "timestamp"}
    assert (said["type"], said["query"], said["request_id"]) == ("search_results", "cats playing", "a1")
    assert said["results"] == [{"filename": "cats playing.jpg", "score": 0.5}]
    assert said["count"] == 1
    assert 0 <= said["search_time"] < 5
    assert TIME.fullmatch(said["timestamp"])
    assert open_house.finder.asked == [
        {"query": "cats playing", "limit": 3, "objects": ("cat", "dog"), "min_score": 0.2}
    ]


def test_all_but_the_words_may_be_left_out(session: WebSocketTestSession, open_house: House) -> None:
    ask(session, query="x")
    assert session.receive_json()["request_id"] is None
    ask(session, query="x", objects="cat, dog,", min_score=None, limit=None)
    session.receive_json()
    assert open_house.finder.asked == [
        {"query": "x", "limit": 10, "objects": (), "min_score": None},
        {"query": "x", "limit": 10, "objects": ("cat", "dog"), "min_score": None},
    ]


@pytest.mark.parametrize("request_id", ["", "ü\ud800", 0, -7, 1.5, True, False, None])
def test_the_answer_carries_the_id_of_its_question(session: WebSocketTestSession, request_id: Any) -> None:
    for query, type in (("x", "search_results"), ("refuse", "error"), ("", "error")):
        ask(session, query=query, request_id=request_id)
        said = session.receive_json()
        assert said["type"] == type
        assert said["request_id"] == request_id
        assert isinstance(said["request_id"], bool) is isinstance(request_id, bool)


def test_what_was_overtaken_is_dropped_and_only_the_newest_is_searched(
    session: WebSocketTestSession, open_house: House
) -> None:
    open_house.finder.seconds = 0.3
    ask(session, query="c", request_id=0)
    wait_until(lambda: open_house.finder.asked)
    for number, query in enumerate(["ca", "cat", "cats"], 1):
        ask(session, query=query, request_id=number)
    said = [session.receive_json() for _ in range(4)]
    assert [(s["type"], s["request_id"]) for s in said] == [
        ("search_dropped", 1),
        ("search_dropped", 2),
        ("search_dropped", 0),
        ("search_results", 3),
    ]
    assert [asked["query"] for asked in open_house.finder.asked] == ["c", "cats"]


def test_other_messages_are_answered_while_a_search_runs(session: WebSocketTestSession, open_house: House) -> None:
    open_house.finder.seconds = 0.5
    ask(session, query="x")
    session.send_text('{"type": "ping"}')
    assert session.receive_json()["type"] == "pong"
    assert session.receive_json()["type"] == "search_results"


def test_a_search_that_fails_says_so_and_the_next_one_works(session: WebSocketTestSession) -> None:
    ask(session, query="refuse", request_id=1)
    check_error(said := session.receive_json())
    assert said["message"] == "That cannot be searched."
    ask(session, query="stumble", request_id=2)
    check_error(said := session.receive_json(), "InternalError")
    assert "secret" not in said["message"]
    ask(session, query="x", request_id=3)
    assert session.receive_json()["type"] == "search_results"


def test_who_leaves_while_a_search_runs_disturbs_nobody(client: TestClient, open_house: House) -> None:
    open_house.finder.seconds = 0.3
    for _ in range(6):
        with client.websocket_connect("/ws/search") as session:
            session.receive_json()
            ask(session, query="left")
    with client.websocket_connect("/ws/search") as session:
        session.receive_json()
        ask(session, query="stayed")
        assert session.receive_json()["query"] == "stayed"
