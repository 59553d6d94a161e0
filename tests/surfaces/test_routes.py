"""Every route belongs to one surface, and every route and every page of the documentation know each other."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from imagequarry.app import SURFACES
from tests.fixtures.server import Site
from tests.house.source import ROOT

METHODS = {"get", "post", "put", "patch", "delete"}
PAGES = sorted((ROOT / "docs" / "surfaces").glob("*.md"))
HEADING = re.compile(r"#+ (GET|POST|PUT|PATCH|DELETE) (/\S*)\n")
ROUTE = re.compile(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`\s]*)`")
# What the documents give to their surfaces.
DOCUMENTED = {
    "quarry": {
        "GET /health/",
        "GET /health/ready",
        "GET /health/live",
        "POST /segment/single",
        "POST /segment/auto",
        "POST /segment/box",
        "POST /segment/objects/extract",
        "GET /segment/job/{job_id}",
        "GET /segment/job/{job_id}/visualization",
        "GET /storage/drive/status",
        "GET /models/",
        "GET /models/{model_name}",
        "POST /models/{model_name}/load",
        "DELETE /models/{model_name}/unload",
    },
    "sam2": {
        "POST /generate_and_store_masks",
        "POST /render_masks/{image_id}",
        "GET /images/{image_id}/info",
        "GET /images",
        "GET /images/{image_id}/mask_at_point",
        "DELETE /images/{image_id}",
    },
    "context": {
        "GET /api/v1/health",
        "GET /api/v1/status",
        "GET /api/v1/config",
        "GET /api/v1/metrics",
        "GET /api/v1/info",
        "GET /api/v1/models/status",
        "POST /api/v1/models/preload",
        "POST /api/v1/images/process",
        "POST /api/v1/images/upload",
        "GET /api/v1/images/info/{image_id}",
        "GET /api/v1/images/download/{image_id}",
        "GET /api/v1/images/",
        "DELETE /api/v1/images/{image_id}",
        "POST /api/v1/directories/process",
        "POST /api/v1/directories/process-async",
        "GET /api/v1/directories/scan",
        "GET /api/v1/directories/task/{task_id}",
        "GET /api/v1/directories/tasks",
        "POST /api/v1/duplicates/check",
        "GET /api/v1/duplicates/check-image",
        "GET /api/v1/duplicates/check-directory",
        "POST /api/v1/duplicates/compare",
        "DELETE /api/v1/duplicates/remove-duplicates",
        "GET /ws/stats",
    },
    "imgr": {"POST /api/upload/image", "POST /api/run", "GET /health"},
    "image2model": {
        "POST /api/v1/upload/",
        "GET /api/v1/upload/status/{file_id}",
        "GET /api/v1/upload/batch/{batch_id}/status",
        "POST /api/v1/models/generate",
        "GET /api/v1/models/job/{job_id}",
        "GET /api/v1/models/available",
        "GET /api/v1/models/download/{job_id}",
        "GET /api/v1/download/{job_id}/all",
        "GET /api/v1/download/direct/{filename}",
        "GET /api/v1/download/{job_id}/{filename}",
        "GET /api/v1/debug/job/{job_id}",
        "GET /api/v1/status/jobs/{job_id}/progress",
        "GET /api/v1/status/tasks/{task_id}/stream",
        "GET /api/v1/status/tasks/{task_id}/status",
        "GET /api/v1/admin/disk-usage",
        "POST /api/v1/admin/cleanup",
        "POST /api/v1/admin/cleanup-job",
        "GET /api/v1/admin/list-files",
        "DELETE /api/v1/admin/delete-job/{job_id}",
        "GET /api/v1/admin/system-health",
        "GET /api/v1/health/",
        "GET /api/v1/health/detailed",
        "GET /api/v1/health/metrics",
        "GET /api/v1/health/liveness",
        "GET /api/v1/health/readiness",
        "GET /api/v1/logs/statistics",
        "POST /api/v1/logs/rotate",
        "DELETE /api/v1/logs/cleanup",
        "GET /api/v1/logs/analyze",
        "GET /api/v1/logs/summary/daily",
        "GET /api/v1/logs/types",
        "POST /api/v1/logs/export",
        "GET /api/v1/logs/health",
    },
}


def served(site: Site) -> dict[str, str]:
    """Every route the application tells of, and the tag of its surface."""
    paths = site.client.get("/openapi.json").json()["paths"]
    return {
        f"{method.upper()} {path}": operation["tags"][0]
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in METHODS
    }


def sections(name: str) -> dict[str, str]:
    """What a surface's page says of each route, by the route."""
    page = (ROOT / "docs" / "surfaces" / f"{name}.md").read_text("utf-8")
    found = {}
    for part in re.split(r"^(?=#)", page, flags=re.MULTILINE):
        if heading := HEADING.match(part):
            assert heading[0] not in found
            found[f"{heading[1]} {heading[2]}"] = part
    return found


def fields_of(operation: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """The names of a route's fields: in its query, its form or its JSON body."""
    names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        names |= set(
            schemas[schema["$ref"].rpartition("/")[2]]["properties"] if "$ref" in schema else schema["properties"]
        )
    return names


def test_every_documented_route_is_served_by_its_surface(site: Site) -> None:
    routes = served(site)
    for surface, documented in DOCUMENTED.items():
        assert documented <= {route for route, tag in routes.items() if tag == surface}


def test_every_route_is_described_on_its_surface_s_page_and_the_other_way_round(site: Site) -> None:
    routes = served(site)
    assert {page.stem for page in PAGES} == {surface.name for surface in SURFACES}
    for surface in SURFACES:
        assert set(sections(surface.name)) == {route for route, tag in routes.items() if tag == surface.name}


def test_every_field_is_described_with_its_route_or_with_one_that_is_referred_to(site: Site) -> None:
    api = site.client.get("/openapi.json").json()
    missing = []
    for route, tag in served(site).items():
        method, path = route.split()
        page = sections(tag)
        section = page[route]
        text = section + "".join(page[other] for other in ROUTE.findall(section) if other in page)
        names = fields_of(api["paths"][path][method.lower()], api["components"]["schemas"])
        missing += [f"{route}: {name}" for name in sorted(names) if f"`{name}`" not in text]
    assert missing == []


def test_the_description_refers_to_nothing_that_is_not_in_it(site: Site) -> None:
    api = site.client.get("/openapi.json").json()
    named = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(api)))
    assert any(name.endswith("GenerateRequest") for name in named)  # two surfaces have one
    assert named <= set(api["components"]["schemas"])
    assert "#/$defs" not in json.dumps(api)


def test_the_matched_route_says_which_surface_it_belongs_to(site: Site) -> None:
    # Every error reply depends on it: the surface of a request is read from the scope.
    seen: dict[str, str] = {}

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        await site.client.app(scope, receive, send)
        seen[f"{scope['method']} {scope['route'].path}"] = scope["route"].tags[0]

    client = TestClient(watched, base_url="http://localhost", client=("127.0.0.1", 50000))
    routes = served(site)
    for route in routes:
        method, path = route.split()
        client.request(method, re.sub(r"\{\w+\}", "nothing", path))
    assert seen == routes


def test_a_router_carries_its_surface_s_tag_itself() -> None:
    # What include_router adds would not be on the matched route.
    for surface in SURFACES:
        for router in surface.routers:
            assert router.tags == [surface.name]
