"""A server without keys, and pages of strangers in the browser of somebody who may use it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from imagequarry.app import create_app
from tests.fixtures.server import Site, open_site, settings_in
from tests.surfaces.context.test_models import check_refusal as check_context
from tests.surfaces.quarry.test_refusals import check_refusal as check_quarry
from tests.surfaces.sam2.test_generate import check_refusal as check_detail
from tests.surfaces.test_keys import PROBES, ROUTES

HERE = socket.gethostname()
OWN = [
    *("localhost", "localhost:8000", "quarry.localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "testserver"),
    *("192.168.1.7", "192.168.1.7:8000", "[fe80::1]", "8.8.8.8", "api:8000", "house.example", "House.Example.:8000"),
    *("named.example", HERE, f"{HERE.partition('.')[0]}.local:8000", ""),
]
FOREIGN = [
    *("rebound.example", "rebound.example:8000", "localhost.example", "127.0.0.1.example", "example.localhost.com"),
    *(
        "sub.named.example",
        "xnamed.example",
        "localhost.rebound.example:80",
        "[rebound.example",
        "1.2.3",
        "::1.example",
    ),
]


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that asks for no key."""
    given = {"host": "house.example", "allowed_hosts": ("named.example",), "cors_origins": ("https://page.example",)}
    with open_site(tmp_path_factory.mktemp("keyless"), **given) as site:
        yield site


def asked(site: Site, host: str, path: str = "/models/", method: str = "GET", **headers: str) -> httpx2.Response:
    return site.client.request(method, path, headers={"Host": host, **headers})


@pytest.mark.parametrize("host", OWN)
def test_a_name_that_no_stranger_can_have_is_answered(keyless: Site, host: str) -> None:
    assert asked(keyless, host).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_a_stranger_may_have_is_refused_in_the_words_of_the_surface(keyless: Site, host: str) -> None:
    check_quarry(asked(keyless, host), 403, "HTTP_ERROR")
    check_detail(asked(keyless, host, "/images"), 403)
    check_context(asked(keyless, host, "/api/v1/info"), 403, "AuthenticationError")
    reply = asked(keyless, host, "/api/v1/models/available")
    assert (reply.status_code, reply.json()["detail"]["code"]) == (403, "INVALID_API_KEY")
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        keyless.client.websocket_connect("/ws", headers={"Host": host, "Origin": f"http://{host}"}),
    ):
        pass
    check_context(refusal.value, 403, "AuthenticationError")


def test_every_route_but_the_probes_refuses_such_a_name(keyless: Site) -> None:
    for _, method, path in ROUTES:
        if path not in PROBES:
            assert asked(keyless, "rebound.example", path, method).status_code == 403, path
    for path in (*PROBES, "/", "/docs", "/openapi.json"):
        assert asked(keyless, "rebound.example", path).status_code != 403, path


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:9000", "http://page.example", "file://", ""]
)
def test_a_page_of_a_stranger_may_change_nothing(keyless: Site, origin: str) -> None:
    before = keyless.stored()
    for _, method, path in ROUTES:
        if method not in ("GET", "HEAD"):
            assert asked(keyless, "localhost:8000", path, method, Origin=origin).status_code == 403, path
    headers = {"Host": "localhost:8000", "Origin": origin, "Content-Type": "text/plain"}
    check_detail(keyless.client.post("/api/upload/image", content=b"x", headers=headers), 403)
    assert keyless.stored() == before


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://page.example", "http://LOCALHOST:8000"])
def test_a_page_of_this_server_or_of_a_known_origin_may(keyless: Site, origin: str) -> None:
    assert asked(keyless, "localhost:8000", "/api/run", "POST", Origin=origin).status_code == 422


def test_what_is_no_page_may(keyless: Site) -> None:
    assert asked(keyless, "localhost:8000", "/api/run", "POST").status_code == 422


def test_a_server_with_keys_answers_under_any_name_and_any_page_that_has_one(tmp_path: Path) -> None:
    with open_site(tmp_path, api_keys=("key",)) as site:
        for method, path, status in (("GET", "/models/", 200), ("POST", "/api/run", 422)):
            reply = asked(site, "any.example", path, method, Origin="https://evil.example", **{"X-API-Key": "key"})
            assert reply.status_code == status


def test_any_name_may_be_allowed(tmp_path: Path) -> None:
    with open_site(tmp_path, allowed_hosts=("*",)) as site:
        assert asked(site, "any.example").status_code == 200
        # Who keeps the server asks under a name of the machine all the same.
        assert asked(site, "any.example", "/api/v1/admin/disk-usage").status_code == 403
        assert asked(site, "localhost", "/api/v1/admin/disk-usage").status_code == 200


def test_in_development_pages_of_all_origins_may(tmp_path: Path) -> None:
    with TestClient(create_app(settings_in(tmp_path), dev=True)) as client:
        assert client.post("/api/run", headers={"Origin": "https://any.example"}).status_code == 422
