"""API keys: every route of every surface with none, a wrong one, a user's and an admin's; and what is open without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest
from fastapi import FastAPI

from imagequarry.app import SURFACES
from imagequarry.errors import NotFound
from imagequarry.surfaces.here import runtime_of
from tests.fixtures.server import Site, open_site, photograph
from tests.surfaces.context.test_models import check_refusal as check_context
from tests.surfaces.quarry.test_refusals import check_refusal as check_quarry
from tests.surfaces.sam2.test_generate import check_refusal as check_detail

USER = "first-key"
OTHER_USER = "zweiter Schlüssel"
ADMIN = "keeper's key"
WRONG = ("wrong", "first-ke", "first-key2", "FIRST-KEY", "\u00fc")

PROBES = {
    *("/health", "/health/", "/health/ready", "/health/live", "/api/v1/health"),
    *("/api/v1/health/", "/api/v1/health/detailed", "/api/v1/health/liveness", "/api/v1/health/readiness"),
}
# Who knows the random id may read these.
READABLE = re.compile(
    r"GET /api/v1/(status/(jobs/[^/]+/progress|tasks/[^/]+/(stream|status))|upload/(status/[^/]+|batch/[^/]+/status))"
)
ADMIN_ONLY = re.compile(r"/api/v1/(admin|logs)/")
OPEN = ("/", "/docs", "/redoc", "/openapi.json", "/docs/assets/favicon.png")

# What each caller gets on each kind of route; None: what the route itself says.
CELLS: dict[str, dict[str, int | None]] = {
    "guarded": {"nobody": 401, "wrong": 403, "user": None, "admin": None},
    "admin": {"nobody": 401, "wrong": 403, "user": 403, "admin": None},
    "readable": {"nobody": None, "wrong": None, "user": None, "admin": None},
    "probe": {"nobody": None, "wrong": None, "user": None, "admin": None},
}
KEYS = {"user": USER, "admin": ADMIN, "wrong": WRONG[0]}

ROUTES = [
    (surface.name, method, str(getattr(route, "path", "")))
    for surface in SURFACES
    for router in surface.routers
    for route in router.routes
    for method in sorted(getattr(route, "methods", ()) or ())
]


def kind_of(method: str, path: str) -> str:
    if path in PROBES:
        return "probe"
    if READABLE.fullmatch(f"{method} {path}"):
        return "readable"
    return "admin" if ADMIN_ONLY.match(path) else "guarded"


def ask(site: Site, method: str, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    """Ask a route for nothing that exists, with a body that none can read: it answers, and does no work."""
    asked = {"Content-Type": "application/json"} | (headers or {})
    return site.client.request(
        method,
        re.sub(r"\{\w+(:path)?\}", "nothing", path),
        content=None if method in ("GET", "HEAD") else b"[",
        # In UTF-8, as curl sends them.
        headers=[(name.encode(), value.encode()) for name, value in asked.items()],
    )


def check_refusal(surface: str, reply: httpx2.Response, status: int) -> None:
    """The refusal is said in the surface's words, and repeats no key; to HEAD it is said in the reply's head alone."""
    match surface:
        case _ if reply.request.method == "HEAD":
            assert reply.status_code == status
        case "quarry":
            check_quarry(reply, status, "HTTP_ERROR")
        case "context":
            check_context(reply, status, "AuthenticationError")
        case "image2model":
            assert reply.status_code == status, reply.text
            assert list(reply.json()) == ["detail"]
            assert list(reply.json()["detail"]) == ["code", "message", "details"]
            assert reply.json()["detail"]["code"] == {401: "AUTHENTICATION_REQUIRED", 403: "INVALID_API_KEY"}[status]
        case _:
            check_detail(reply, status)
    assert ("WWW-Authenticate" in reply.headers) == (status == 401)
    assert not [key for key in (USER, OTHER_USER, ADMIN, "wrong") if key in reply.text]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that wants a key, and has one for those who keep it."""
    given = {"api_keys": (USER, OTHER_USER), "admin_api_keys": (ADMIN,), "cors_origins": ("http://page.example",)}
    with open_site(tmp_path_factory.mktemp("guarded"), **given) as site:
        yield site


@pytest.fixture
def idle(guarded: Site) -> Iterator[Site]:
    """The same, with nothing behind its routes: who gets as far as one hears that there is nothing."""

    def nothing() -> None:
        raise NotFound

    app = guarded.client.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[runtime_of] = nothing
    yield guarded
    app.dependency_overrides.clear()


def test_the_table_holds_every_route_that_the_application_serves(guarded: Site) -> None:
    paths = guarded.client.get("/openapi.json").json()["paths"]
    told = {(operation["tags"][0], method.upper(), path) for path in paths for method, operation in paths[path].items()}
    # What answers HEAD is told of as GET.
    assert told == {(name, method, path) for name, method, path in ROUTES if method != "HEAD"}
    assert {surface.name for surface in SURFACES} == {name for name, _, _ in ROUTES}


@pytest.mark.parametrize(("surface", "method", "path"), ROUTES)
def test_every_route_lets_in_whom_it_should_and_nobody_else(idle: Site, surface: str, method: str, path: str) -> None:
    for caller, status in CELLS[kind_of(method, path)].items():
        key = KEYS.get(caller, "")
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            reply = ask(idle, method, path, headers)
            if status is None:
                assert reply.status_code not in (401, 403), (caller, headers, reply.text)
            else:
                check_refusal(surface, reply, status)


# One route of each surface, and one for its keepers.
SAMPLES = [
    ("quarry", "GET", "/jobs/"),
    ("context", "GET", "/api/v1/info"),
    ("sam2", "GET", "/images"),
    ("imgr", "POST", "/api/run"),
    ("image2model", "GET", "/api/v1/health/metrics"),
    ("image2model", "GET", "/api/v1/admin/none"),
]


@pytest.mark.parametrize(("surface", "method", "path"), SAMPLES)
@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"Authorization": "Bearer "}, {"Authorization": "Basic eDp5"}]
)
def test_what_holds_no_key_is_answered_like_none(
    guarded: Site, surface: str, method: str, path: str, headers: dict[str, str]
) -> None:
    check_refusal(surface, ask(guarded, method, path, headers), 401)


@pytest.mark.parametrize(("surface", "method", "path"), SAMPLES)
@pytest.mark.parametrize("key", [*WRONG, f"{USER},{OTHER_USER}", f"{USER} "])
def test_what_is_nearly_a_key_is_none(guarded: Site, surface: str, method: str, path: str, key: str) -> None:
    check_refusal(surface, ask(guarded, method, path, {"Authorization": f"Bearer {key.strip()}x"}), 403)
    if key == key.strip():
        check_refusal(surface, ask(guarded, method, path, {"X-API-Key": key}), 403)


@pytest.mark.parametrize(("surface", "method", "path"), SAMPLES[:-1])
@pytest.mark.parametrize("key", [USER, OTHER_USER, ADMIN])
def test_any_of_the_keys_opens_in_either_header(guarded: Site, surface: str, method: str, path: str, key: str) -> None:
    asked = partial(ask, guarded, method, path)
    for name, value in (("X-API-Key", key), ("Authorization", f"Bearer {key}"), ("authorization", f"bearer {key}")):
        assert asked({name: value}).status_code not in (401, 403), surface


@pytest.mark.parametrize("path", OPEN)
def test_documentation_and_start_page_are_open(guarded: Site, path: str) -> None:
    assert guarded.client.get(path).status_code == 200


@pytest.mark.parametrize("path", sorted(PROBES & {path for _, _, path in ROUTES}))
def test_a_probe_tells_how_the_server_is_without_a_key(guarded: Site, path: str) -> None:
    assert guarded.client.get(path).status_code == 200


def test_what_may_be_read_by_an_id_are_routes_that_there_are() -> None:
    served = {re.sub(r"\{\w+\}", "{id}", path) for _, method, path in ROUTES if kind_of(method, path) == "readable"}
    assert served == {path for surface in SURFACES for path in surface.readable}
    assert len(served) == 5


def test_who_knows_the_id_may_read_but_not_write(guarded: Site) -> None:
    for path in ("/api/v1/status/tasks/x/status", "/api/v1/upload/batch/x/status"):
        assert guarded.client.get(path).status_code == 404
        assert guarded.client.delete(path).status_code == 401
        for other in (f"{path}/", f"{path}/more", path.replace("/x/", "//"), path.upper(), f"/{path}"):
            assert guarded.client.get(other).status_code == 401, other


def test_an_address_that_leads_nowhere_is_guarded_too(guarded: Site) -> None:
    check_quarry(guarded.client.get("/nothing"), 401, "HTTP_ERROR")
    check_detail(guarded.client.get("/api/nothing"), 401)
    check_quarry(guarded.client.get("/docs/"), 401, "HTTP_ERROR")


def test_the_body_of_a_refused_request_is_not_read(guarded: Site) -> None:
    before = guarded.stored()
    reply = guarded.client.post("/api/upload/image", files={"file": photograph("chelsea")})
    check_detail(reply, 401)
    assert guarded.stored() == before


def test_a_refusal_has_a_request_id(guarded: Site) -> None:
    assert guarded.client.get("/images").headers["X-Request-ID"]


def test_no_key_stands_in_the_log_or_in_what_is_told_of_the_settings(guarded: Site) -> None:
    guarded.client.get("/images", headers={"X-API-Key": USER})
    guarded.client.get("/images", headers={"Authorization": "Bearer wrong-key-7"})
    guarded.client.get("/api/v1/admin/none", headers={"Authorization": f"Bearer {ADMIN}"})
    written = "".join(file.read_text() for file in (guarded.folder / "logs").glob("*.log"))
    assert "/images" in written
    assert "/api/v1/admin/none" in written
    told = guarded.client.get("/api/v1/config", headers={"X-API-Key": USER}).text
    assert "admin_api_keys" in told
    for key in (USER, ADMIN, "wrong-key-7"):
        assert key not in written
        assert key not in told


def test_without_configured_keys_every_surface_is_open(site: Site) -> None:
    assert site.client.get("/images").status_code == 200
    assert site.client.get("/models/", headers={"X-API-Key": "any"}).status_code == 200


def test_a_page_of_a_known_origin_may_ask_first_and_then_call(guarded: Site) -> None:
    asked = {
        "Origin": "http://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, content-type",
    }
    for path in ("/segment/auto", "/images", "/api/run"):
        reply = guarded.client.options(path, headers=asked)
        assert reply.status_code == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "http://page.example"
        assert "POST" in reply.headers["Access-Control-Allow-Methods"]
        assert "x-api-key" in reply.headers["Access-Control-Allow-Headers"].lower()
    reply = guarded.client.get("/images", headers={"Origin": "http://page.example", "X-API-Key": USER})
    assert reply.status_code == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "http://page.example"
    assert "X-Model" in reply.headers["Access-Control-Expose-Headers"]


def test_a_page_can_read_why_it_was_refused(guarded: Site) -> None:
    reply = guarded.client.get("/images", headers={"Origin": "http://page.example"})
    check_detail(reply, 401)
    assert reply.headers["Access-Control-Allow-Origin"] == "http://page.example"


def test_a_page_of_an_unknown_origin_may_not_call(guarded: Site) -> None:
    asked = {"Origin": "http://other.example", "Access-Control-Request-Method": "POST"}
    assert guarded.client.options("/segment/auto", headers=asked).status_code == 400
    headers = {"Origin": "http://other.example", "X-API-Key": USER}
    reply = guarded.client.get("/images", headers=headers)
    assert "Access-Control-Allow-Origin" not in reply.headers
