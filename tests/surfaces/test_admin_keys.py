"""Who keeps the server: with admin keys, without any from the machine itself, and by no trick with the address."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from imagequarry.app import create_app
from tests.fixtures.server import settings_in

USER = "user-key"
ADMIN = "admin-key"
TRUTH = "what only keepers may know"
PATH = "/api/v1/admin/planted/x"
HERE = ("127.0.0.1", 50000)


def site(folder: Path, users: bool = False, admins: bool = False) -> FastAPI:
    """The application with a route of its own among the keepers'."""
    app = create_app(settings_in(folder, api_keys=(USER,) * users, admin_api_keys=(ADMIN,) * admins))
    for path in ("/api/v1/admin/planted/{name:path}", "/api/v1/logs/planted/{name}"):
        app.add_api_route(path, lambda: TRUTH, methods=["GET", "POST"], tags=["image2model"])
    app.add_api_route("/images/planted", lambda: "for anybody", tags=["sam2"])
    return app


@pytest.fixture(scope="module")
def unkeyed(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """No keys at all."""
    return site(tmp_path_factory.mktemp("unkeyed"))


@pytest.fixture(scope="module")
def half_keyed(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Keys for users, none for keepers."""
    return site(tmp_path_factory.mktemp("half"), users=True)


def asked(
    app: FastAPI,
    headers: dict[str, str] | None = None,
    *,
    path: str = PATH,
    method: str = "GET",
    peer: tuple[str, int] | None = HERE,
    host: str = "localhost:8000",
) -> httpx2.Response:
    """Ask from that peer, under that name of the server."""
    client = TestClient(app, client=peer)  # type: ignore[arg-type]
    return client.request(method, path, headers={"Host": host} | (headers or {}))


def check_refusal(reply: httpx2.Response, status: int = 403) -> None:
    assert reply.status_code == status, reply.text
    assert reply.json()["detail"]["code"] == {401: "AUTHENTICATION_REQUIRED", 403: "INVALID_API_KEY"}[status]
    assert TRUTH not in reply.text


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "quarry.localhost"])
def test_without_keys_the_machine_itself_may_keep_the_server(unkeyed: FastAPI, peer: str, host: str) -> None:
    for path in (PATH, "/api/v1/logs/planted/x"):
        for method in ("GET", "POST"):
            assert asked(unkeyed, path=path, method=method, peer=(peer, 50000), host=host).json() == TRUTH


@pytest.mark.parametrize("peer", ["192.168.1.7", "10.0.0.1", "8.8.8.8", "0.0.0.0", "::", "fe80::1", "::ffff:8.8.8.8"])
def test_without_admin_keys_no_other_machine_may(unkeyed: FastAPI, peer: str) -> None:
    check_refusal(asked(unkeyed, peer=(peer, 50000)))


@pytest.mark.parametrize("peer", [None, ("", 0), ("localhost.example", 1), ("testclient", 50000)])
def test_a_peer_without_an_address_is_not_this_machine(unkeyed: FastAPI, peer: tuple[str, int] | None) -> None:
    check_refusal(asked(unkeyed, peer=peer))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": ""},
        {"X-Forwarded-Host": "localhost"},
        {"X-Forwarded-Proto": "https"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "127.0.0.1"},
    ],
)
def test_what_somebody_passed_on_came_from_elsewhere(unkeyed: FastAPI, headers: dict[str, str]) -> None:
    check_refusal(asked(unkeyed, headers))
    check_refusal(asked(unkeyed, headers, peer=("203.0.113.9", 50000)))


@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:8000", "localhost.example", "127.0.0.1.example", "192.168.1.7", ""]
)
def test_a_name_that_others_may_have_is_not_this_machine(unkeyed: FastAPI, host: str) -> None:
    check_refusal(asked(unkeyed, host=host))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://page.example"},
        {"Origin": "null"},
        {"Origin": "file://localhost"},
        {"Origin": "http://localhost.example"},
        {"Origin": "http://localhost@page.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_from_elsewhere_may_not_use_its_reader_s_machine(unkeyed: FastAPI, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        check_refusal(asked(unkeyed, headers, method=method))


def test_a_page_of_this_server_may_and_with_a_key_one_of_this_machine(unkeyed: FastAPI, half_keyed: FastAPI) -> None:
    page = {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
    assert asked(unkeyed, page, method="POST").json() == TRUTH
    for origin in ("http://localhost:8000", "http://127.0.0.1:5173", "http://[::1]:8000"):
        page = {"Origin": origin, "Sec-Fetch-Site": "same-site", "X-API-Key": USER}
        assert asked(half_keyed, page, method="POST").json() == TRUTH


def test_where_users_need_keys_the_machine_itself_needs_one_too(half_keyed: FastAPI) -> None:
    check_refusal(asked(half_keyed), 401)
    check_refusal(asked(half_keyed, {"X-API-Key": "wrong"}))
    assert asked(half_keyed, {"X-API-Key": USER}).json() == TRUTH
    check_refusal(asked(half_keyed, {"X-API-Key": USER}, peer=("192.168.1.7", 1)))
    check_refusal(asked(half_keyed, {"X-API-Key": USER, "X-Forwarded-For": "127.0.0.1"}))


def test_where_there_are_admin_keys_the_machine_itself_needs_one(tmp_path: Path) -> None:
    app = site(tmp_path, admins=True)
    check_refusal(asked(app), 401)
    check_refusal(asked(app, {"X-API-Key": USER}))
    key = {"Authorization": f"Bearer {ADMIN}"}
    assert asked(app, key, peer=("192.168.1.7", 1), host="192.168.1.2").json() == TRUTH
    # All the rest is open, as there are no keys for users.
    assert asked(app, path="/images/planted").json() == "for anybody"


def test_below_a_prefix_the_same_addresses_are_guarded(half_keyed: FastAPI) -> None:
    client = TestClient(half_keyed, root_path="/below", client=HERE, base_url="http://localhost")
    for path in (PATH, f"/below{PATH}"):
        check_refusal(client.get(path), 401)
        assert client.get(path, headers={"X-API-Key": USER}).json() == TRUTH
        check_refusal(client.get(path, headers={"X-API-Key": USER, "Via": "x"}))


TRICKS = [
    "/api/v1/admin/planted/x/",
    "/api/v1/admin//planted/x",
    "/api/v1//admin/planted/x",
    "//api/v1/admin/planted/x",
    "//localhost/api/v1/admin/planted/x",
    "/api/v1/Admin/planted/x",
    "/API/V1/ADMIN/planted/x",
    "/api/v1/%61dmin/planted/x",
    "/api/v1%2fadmin%2Fplanted/x",
    "/api/v1/admin%2fplanted/x",
    "/api/v1/%2561dmin/planted/x",
    "/api/v1/admin/planted/x%00",
    "/api/v1/admin/planted/x;y",
    "/api/v1/admin/planted/x?/studio/",
    "/api/v1/admin/planted/x#/studio/",
    "/api/v1/admin/planted/%2e%2e/%2e%2e/%2e%2e/%2e%2e/docs",
    "/api/v1/admin/planted/../../../../docs",
    "/api/v1/health/../admin/planted/x",
    "/api/v1/health/live%2f..%2f..%2fadmin/planted/x",
    "/api/v1/status/tasks/../../admin/planted/x",
    "/api/v1/status/tasks/x%2f..%2f..%2f..%2fadmin%2fplanted/status",
    "/api/v1/upload/status/..%2f..%2fadmin%2fplanted%2fx",
    "/studio/../api/v1/admin/planted/x",
    "/studio/%2e%2e/api/v1/admin/planted/x",
    "/docs/assets/../../api/v1/admin/planted/x",
    "/docs/assets/..%2f..%2fapi/v1/admin/planted/x",
    "/./api/v1/admin/planted/x",
    "/api/v1/./admin/planted/x",
    "/api/v1/admin\\planted\\x",
    "http://localhost/api/v1/admin/planted/x",
    "http://localhost/studio/../api/v1/admin/planted/x",
    "/api/v1/admin/planted/%C5%BF",
]


@contextmanager
def listening(app: FastAPI) -> Iterator[int]:
    """The application on a port, as it is served: what its server makes of an address is part of the question."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def test_no_way_of_writing_the_address_leads_past_the_guard(tmp_path: Path) -> None:
    with listening(site(tmp_path, users=True, admins=True)) as port:

        def ask(path: str, headers: dict[str, str]) -> str:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", path, headers=headers)
            said = connection.getresponse().read().decode()
            connection.close()
            return said

        for path in (PATH, *TRICKS):
            for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": USER}, {"X-Original-URL": "/docs"}):
                assert TRUTH not in ask(path, headers), path
        led = [path for path in (PATH, *TRICKS) if TRUTH in ask(path, {"X-API-Key": ADMIN})]
        # Some of them are other ways to write the same address, so the guard was needed.
        assert PATH in led
        assert "/api/v1/%61dmin/planted/x" in led
        assert len(led) > 5
