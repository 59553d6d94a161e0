"""How often a caller may ask: the headers, the refusal, and whose requests count together."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient

from imagequarry.app import SURFACES, create_app
from imagequarry.errors import NotFound
from imagequarry.surfaces.here import runtime_of
from imagequarry.surfaces.surface import Surfaces
from tests.fixtures.redis import RedisServer
from tests.fixtures.server import settings_in
from tests.surfaces.quarry.test_refusals import check_refusal as check_quarry
from tests.surfaces.test_keys import PROBES, ROUTES

HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
A_ROUTE, E_ROUTE = "/jobs/nothing/status", "/api/v1/logs/nothing"


def limited(folder: Path, per_minute: int = 60, per_hour: int = 1000, **given: Any) -> FastAPI:
    """The application with nothing behind its routes, and with some routes of surface A that are not as others."""
    app = create_app(settings_in(folder, rate_limit_per_minute=per_minute, rate_limit_per_hour=per_hour, **given))

    def nothing() -> None:
        raise NotFound

    def broken() -> None:
        raise RuntimeError

    app.dependency_overrides[runtime_of] = nothing
    app.add_api_route("/jobs/planted/broken", broken, tags=["quarry"])
    app.add_api_route("/jobs/planted/stream", lambda: StreamingResponse(iter([b"one ", b"two"])), tags=["quarry"])
    return app


@contextmanager
def opened(app: FastAPI, peer: str = "127.0.0.1") -> Iterator[TestClient]:
    """A client of the running application, at that address."""
    with TestClient(app, raise_server_exceptions=False, base_url="http://localhost", client=(peer, 50000)) as client:
        yield client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client that may ask as often as these tests do."""
    with opened(limited(tmp_path_factory.mktemp("patient"), 10**6, 10**8)) as client:
        yield client


def told(reply: httpx2.Response) -> tuple[int, int, int]:
    """Limit, remaining requests, and seconds until the reset."""
    limit, remaining, reset = (int(reply.headers[name]) for name in HEADERS)
    return limit, remaining, reset - int(time.time())


def remaining(reply: httpx2.Response) -> int:
    return told(reply)[1]


def filled(path: str) -> str:
    return re.sub(r"\{\w+(:path)?\}", "nothing", path)


@pytest.mark.parametrize(("surface", "method", "path"), ROUTES)
def test_replies_of_a_and_e_tell_of_the_limit_and_those_of_others_do_not(
    client: TestClient, surface: str, method: str, path: str
) -> None:
    reply = client.request(method, filled(path), content=None if method in ("GET", "HEAD") else b"[")
    assert [name in reply.headers for name in HEADERS] == [surface in ("quarry", "image2model")] * 3


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_the_surface_that_is_foreseen_is_the_one_that_answers(client: TestClient, method: str) -> None:
    surfaces = Surfaces(SURFACES)
    paths = {filled(path) for _, _, path in ROUTES}
    strays = {f"{path}/nothing" for path in paths} | {path.rpartition("/")[0] for path in paths} | {"//", "/x"}
    app: Any = client.app
    scopes: list[Any] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await app(scope, receive, send)

    watching = TestClient(watched, raise_server_exceptions=False, base_url="http://localhost", client=("127.0.0.1", 1))
    for path in sorted(paths | strays):
        watching.request(method, path, content=b"[" if method != "GET" else None, follow_redirects=False)
        assert surfaces.foreseen(method, path) == surfaces.of(scopes.pop()), path


def test_every_kind_of_reply_tells_of_the_limit(client: TestClient) -> None:
    for path, status in (
        ("/jobs/planted/broken", 500),
        ("/jobs/planted/stream", 200),
        ("/nothing", 404),
        ("/segment/auto", 405),
        ("/api/v1/admin/nothing", 404),
    ):
        reply = client.get(path)
        assert reply.status_code == status
        assert told(reply)[0] == 10**6
    assert client.get("/jobs/planted/stream").text == "one two"


def test_the_sixty_first_request_of_a_minute_is_refused_in_the_words_of_its_surface(tmp_path: Path) -> None:
    with opened(limited(tmp_path)) as client:
        for left in range(59, -1, -1):
            reply = client.get(A_ROUTE if left % 2 else E_ROUTE)
            assert reply.status_code == 404
            assert told(reply)[:2] == (60, left)
            assert 50 < told(reply)[2] <= 61
        reply = client.get(A_ROUTE)
        body = check_quarry(reply, 429, "HTTP_ERROR")
        assert told(reply)[:2] == (60, 0)
        wait = int(reply.headers["Retry-After"])
        assert wait == body["details"]["retry_after"]
        assert abs(wait - told(reply)[2]) <= 1
        reply = client.get(E_ROUTE)
        assert reply.status_code == 429
        assert reply.json()["detail"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert "60 times a minute" in reply.json()["detail"]["message"]
        # The others are asked as before.
        for path in ("/images", "/api/v1/info", "/health"):
            assert client.get(path).status_code != 429


def test_the_tightest_of_the_limits_is_told(tmp_path: Path) -> None:
    with opened(limited(tmp_path, 5, 7)) as client:
        assert [told(client.get(A_ROUTE))[:2] for _ in range(5)] == [(5, 4), (5, 3), (5, 2), (5, 1), (5, 0)]
        assert client.get(A_ROUTE).status_code == 429
    with opened(limited(tmp_path, 0, 2)) as client:
        assert [told(client.get(A_ROUTE))[:2] for _ in range(2)] == [(2, 1), (2, 0)]
        reply = client.get(A_ROUTE)
        assert reply.status_code == 429
        assert int(reply.headers["Retry-After"]) > 3500


def test_zero_is_no_limit(tmp_path: Path) -> None:
    with opened(limited(tmp_path, 0, 0)) as client:
        assert not [name for name in HEADERS if name in client.get(A_ROUTE).headers]


def test_probes_metrics_documentation_and_first_questions_of_browsers_do_not_count(tmp_path: Path) -> None:
    with opened(limited(tmp_path, 3, cors_origins=("http://page.example",))) as client:
        assert remaining(client.get(A_ROUTE)) == 2
        free = (
            *PROBES,
            "/api/v1/health/metrics",
            "/",
            "/docs",
            "/redoc",
            "/openapi.json",
            "/studio/x",
            "/docs/assets/x",
        )
        for path in free * 2:
            assert client.get(path).status_code != 429
        asked = {"Origin": "http://page.example", "Access-Control-Request-Method": "POST"}
        assert client.options("/segment/auto", headers=asked).status_code == 200
        assert remaining(client.get("/health/live")) == 2
        assert remaining(client.get(A_ROUTE)) == 1
        assert remaining(client.get(A_ROUTE)) == 0
        # They answer on when nothing else does.
        assert client.get(A_ROUTE).status_code == 429
        assert client.get("/api/v1/health/liveness").status_code == 200
        assert remaining(client.get("/health/live")) == 0


def test_a_page_elsewhere_can_read_the_headers_also_of_a_refusal(tmp_path: Path) -> None:
    with opened(limited(tmp_path, 1, cors_origins=("http://page.example",))) as client:
        for status in (404, 429):
            reply = client.get(A_ROUTE, headers={"Origin": "http://page.example"})
            assert reply.status_code == status
            assert reply.headers["Access-Control-Allow-Origin"] == "http://page.example"
            exposed = reply.headers["Access-Control-Expose-Headers"].split(", ")
            assert {*HEADERS, "Retry-After"} <= set(exposed)


def test_every_key_counts_for_itself_and_whoever_guesses_keys_by_address(tmp_path: Path) -> None:
    app = limited(tmp_path, 3, api_keys=("one", "two"), admin_api_keys=("keeper",))
    with opened(app) as client:
        assert remaining(client.get(A_ROUTE, headers={"X-API-Key": "one"})) == 2
        assert remaining(client.get(E_ROUTE, headers={"Authorization": "Bearer keeper"})) == 2
        assert remaining(client.get(A_ROUTE, headers={"X-API-Key": "two"})) == 2
        assert remaining(client.get(A_ROUTE, headers={"X-API-Key": "keeper"})) == 1
        guesses = [client.get(A_ROUTE, headers={"X-API-Key": f"guess {number}"}) for number in range(3)]
        assert [(guess.status_code, remaining(guess)) for guess in guesses] == [(403, 2), (403, 1), (403, 0)]
        assert client.get(A_ROUTE).status_code == 429
        assert client.get(A_ROUTE, headers={"X-API-Key": "two"}).status_code == 404


def test_without_keys_every_address_counts_for_itself_and_an_ipv6_network_as_one(tmp_path: Path) -> None:
    app = limited(tmp_path, 9)

    def ask(peer: str) -> int:
        return remaining(TestClient(app, base_url="http://localhost", client=(peer, 1)).get("/nothing"))

    assert [ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.2"), ask("::ffff:192.0.2.1")] == [8, 7, 8, 6]
    assert [ask("2001:db8::1"), ask("2001:db8::ffff:2"), ask("2001:db8:0:1::1")] == [8, 7, 8]
    assert [ask(""), ask("somewhere")] == [8, 8]
    # A header makes nobody somebody else.
    headers = {"X-Forwarded-For": "198.51.100.7"}
    client = TestClient(app, base_url="http://localhost", client=("192.0.2.2", 1))
    assert remaining(client.get("/nothing", headers=headers)) == 7


def test_processes_that_share_a_redis_count_together_and_leave_no_key_in_it(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    given: dict[str, Any] = {"api_keys": ("secret-key",), "redis_url": redis_server.url}
    key = {"X-API-Key": "secret-key"}
    with (
        opened(limited(tmp_path / "one", 4, **given)) as one,
        opened(limited(tmp_path / "other", 4, **given)) as other,
    ):
        assert [remaining(client.get(A_ROUTE, headers=key)) for client in (one, other, one, other)] == [3, 2, 1, 0]
        for client in (one, other):
            reply = client.get(A_ROUTE, headers=key)
            check_quarry(reply, 429, "HTTP_ERROR")
            assert 50 < told(reply)[2] <= 61
        kept = redis_server.client().keys("*")
        assert isinstance(kept, list)
        assert len(kept) == 2
        assert "secret-key" not in str(kept)
        assert all(0 < redis_server.client().ttl(name) <= 3600 for name in kept)
