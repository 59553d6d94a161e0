"""The sockets of the whole application: beside all other routes, with its keys and settings, and at its end."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from imagequarry.app import create_app
from tests.fixtures.server import Serve, Site, open_site, photograph, settings_in
from tests.surfaces.context.sockets.house import end_of, opened, say
from tests.surfaces.context.sockets.test_admission import greets
from tests.surfaces.context.test_models import check_refusal


def test_a_job_of_any_surface_is_followed(site: Site) -> None:
    with site.client.websocket_connect("/ws") as session:
        session.receive_json()
        session.send_json({"type": "subscribe", "channel": "jobs"})
        session.receive_json()
        files = {"image": ("kitten.jpg", photograph("kitten"))}
        id = site.client.post("/segment/auto/async", files=files).json()["task_id"]
        update = session.receive_json()
        assert (update["event"], update["task_id"]) == ("queued", id.removeprefix("task-"))
        while update["event"] not in ("completed", "failed"):
            update = session.receive_json()
        assert (update["status"], update["progress"]) == ("completed", 100)


def test_search_while_typing_is_the_search_of_the_house(site: Site) -> None:
    with site.client.websocket_connect("/ws/search") as session:
        session.receive_json()
        session.send_json({"type": "search", "query": "cat", "request_id": 7})
        said = session.receive_json()
        assert (said["type"], said["request_id"], said["count"]) == ("search_results", 7, len(said["results"]))


def test_the_keys_and_origins_of_the_settings_hold(tmp_path: Path) -> None:
    with open_site(tmp_path, api_keys=("right",), cors_origins=("http://page.example",)) as site:
        key = {"X-API-Key": "right"}
        assert greets(site.client, key)
        assert greets(site.client, {**key, "Origin": "http://page.example"})
        for headers in ({"X-API-Key": "wrong"}, {**key, "Origin": "http://other.example"}):
            with (
                pytest.raises(WebSocketDenialResponse) as refusal,
                site.client.websocket_connect("/ws", headers=headers),
            ):
                pass
            check_refusal(refusal.value, 403, "AuthenticationError")
        with site.client.websocket_connect("/ws") as session:
            session.send_json({"type": "auth", "api_key": "right"})
            assert session.receive_json()["type"] == "authenticated"
        check_refusal(site.client.get("/ws/stats"), 401, "AuthenticationError")
        assert site.client.get("/ws/stats", headers=key).status_code == 200


def test_in_development_every_page_may_open_a_socket(tmp_path: Path) -> None:
    with TestClient(create_app(settings_in(tmp_path), dev=True)) as client:
        assert greets(client, {"Origin": "http://any.example"})


def test_a_signal_ends_a_server_with_open_sockets_in_good_order(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    url = server.url.replace("http:", "ws:")
    with ExitStack() as sockets:
        clients = [sockets.enter_context(opened(url, path)) for path in ("/ws?api_key=very-secret", "/ws/processing")]
        assert say(clients[0], "ping")["type"] == "pong"
        ended = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert {end_of(client) for client in clients} == {(1001, "The server is shutting down.")}
        assert server.process.wait(20) == 0
        assert time.monotonic() - ended < 10
    written = "".join(file.read_text() for file in tmp_path.rglob("*.log"))
    assert "Finished server process" in written
    assert "very-secret" not in written
    assert "ERROR" not in written.upper().replace("UVICORN.ERROR", "")
