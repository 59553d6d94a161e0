"""API keys: every route with none, a wrong and a right one; what is open without; and pages of other origins."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from imagequarry.app import SURFACES
from tests.fixtures.server import Site, open_site, photograph
from tests.surfaces.context.test_models import check_refusal as check_context
from tests.surfaces.quarry.test_refusals import check_refusal as check_quarry
from tests.surfaces.sam2.test_generate import check_refusal as check_detail

KEYS = ("first-key", "zweiter Schlüssel")
PROBES = {"/health", "/health/", "/health/ready", "/health/live", "/api/v1/health", "/api/v1/health/liveness"}
OPEN = ("/", "/docs", "/redoc", "/openapi.json", *sorted(PROBES))
ROUTES = [
    (surface.name, method, re.sub(r"\{\w+\}", "nothing", str(getattr(route, "path", ""))))
    for surface in SURFACES
    for router in surface.routers
    for route in router.routes
    for method in sorted(getattr(route, "methods", ()) or ())
]
GUARDED = [route for route in ROUTES if route[2] not in PROBES]


def as_sent(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """The headers in UTF-8, as curl sends them."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that wants a key."""
    with open_site(tmp_path_factory.mktemp("guarded"), api_keys=KEYS, cors_origins=("http://page.example",)) as site:
        yield site


def test_the_table_holds_the_routes_of_all_surfaces() -> None:
    assert {name for name, _, _ in GUARDED} >= {"quarry", "sam2", "imgr", "context"}
    assert len(GUARDED) >= 44


@pytest.mark.parametrize(("surface", "method", "path"), GUARDED)
@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"Authorization": "Bearer "}, {"Authorization": "Basic eDp5"}]
)
def test_without_a_key_nothing_is_answered(
    guarded: Site, surface: str, method: str, path: str, headers: dict[str, str]
) -> None:
    reply = guarded.client.request(method, path, headers=headers)
    if surface == "quarry":
        check_quarry(reply, 401, "HTTP_ERROR")
    elif surface == "context":
        check_context(reply, 401, "AuthenticationError")
    else:
        check_detail(reply, 401)


@pytest.mark.parametrize(("surface", "method", "path"), GUARDED)
@pytest.mark.parametrize("key", ["wrong", "first-ke", "first-key2", "FIRST-KEY", "\u00fc"])
def test_with_a_wrong_key_nothing_is_answered(guarded: Site, surface: str, method: str, path: str, key: str) -> None:
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        reply = guarded.client.request(method, path, headers=as_sent(headers))
        if surface == "quarry":
            body = check_quarry(reply, 403, "HTTP_ERROR")
            assert key not in str(body["details"])
        elif surface == "context":
            check_context(reply, 403, "AuthenticationError")
        else:
            check_detail(reply, 403)
        assert "first-key" not in reply.text


@pytest.mark.parametrize(("surface", "method", "path"), GUARDED)
@pytest.mark.parametrize("key", KEYS)
def test_with_any_of_the_keys_in_either_header_every_route_answers(
    guarded: Site, surface: str, method: str, path: str, key: str
) -> None:
    for name, value in (("X-API-Key", key), ("Authorization", f"Bearer {key}"), ("authorization", f"bearer {key}")):
        reply = guarded.client.request(method, path, headers=as_sent({name: value}))
        assert reply.status_code not in (401, 403)


@pytest.mark.parametrize("path", OPEN)
def test_probes_documentation_and_start_page_are_open(guarded: Site, path: str) -> None:
    assert guarded.client.get(path).status_code == 200


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


def test_no_key_stands_in_the_log(guarded: Site) -> None:
    guarded.client.get("/images", headers={"X-API-Key": "first-key"})
    guarded.client.get("/images", headers={"Authorization": "Bearer wrong-key-7"})
    written = "".join(file.read_text() for file in (guarded.folder / "logs").glob("*.log"))
    assert "/images" in written
    assert "first-key" not in written
    assert "wrong-key-7" not in written


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
    reply = guarded.client.get("/images", headers={"Origin": "http://page.example", "X-API-Key": "first-key"})
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
    headers = {"Origin": "http://other.example", "X-API-Key": "first-key"}
    reply = guarded.client.get("/images", headers=headers)
    assert "Access-Control-Allow-Origin" not in reply.headers
