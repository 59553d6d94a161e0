"""Document E's health: as documented, at both spellings, and when a dependency is gone, hangs or is full."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg
import pytest

import imagequarry
from imagequarry.ops import components
from imagequarry.ops.components import Finding
from imagequarry.ops.health import PATIENCE_SECONDS, Health
from tests.fixtures.redis import RedisServer
from tests.fixtures.server import Site, open_site

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ASKING = ("/api/v1/health", "/api/v1/health/", "/api/v1/health/detailed", "/api/v1/health/readiness")
DOCUMENTED = {
    "/api/v1/health/": {"status", "service", "version", "timestamp"},
    "/api/v1/health/detailed": {
        "status",
        "service",
        "version",
        "timestamp",
        "system",
        "components",
        "uptime_seconds",
    },
    "/api/v1/health/liveness": {"status", "timestamp"},
    "/api/v1/health/readiness": {"status", "timestamp", "components"},
}


def get(site: Site, path: str) -> httpx2.Response:
    return site.client.get(path, follow_redirects=False)


def component(reply: httpx2.Response, name: str) -> dict[str, Any]:
    """The one of that name."""
    [found] = [one for one in reply.json()["components"] if one["name"] == name]
    return dict(found)


@pytest.mark.parametrize("path", DOCUMENTED)
def test_every_probe_answers_as_documented_and_to_head_too(site: Site, path: str) -> None:
    reply = get(site, path)
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) >= DOCUMENTED[path]
    assert UTC.fullmatch(body["timestamp"])
    head = site.client.head(path, follow_redirects=False)
    assert (head.status_code, head.content) == (200, b"")


def test_both_spellings_tell_what_both_documents_tell(site: Site) -> None:
    plain, slashed = get(site, "/api/v1/health").json(), get(site, "/api/v1/health/").json()
    assert set(plain) == set(slashed)
    assert set(plain) >= DOCUMENTED["/api/v1/health/"]
    assert set(plain) >= {"status", "version", "database_connected", "models_loaded", "uptime", "stats"}
    for body in (plain, slashed):
        assert (body["status"], body["database_connected"]) == ("healthy", True)
        assert (body["service"], body["version"]) == ("image-quarry-api", imagequarry.__version__)


def test_the_detailed_health_tells_of_the_machine_and_times_every_component(site: Site) -> None:
    body = get(site, "/api/v1/health/detailed").json()
    assert body["status"] == "healthy"
    assert body["system"]["platform"] == "Linux"
    for share in ("cpu_usage_percent", "memory_usage_percent", "disk_usage_percent"):
        assert 0 <= body["system"][share] <= 100
    assert body["uptime_seconds"] > 0
    found = {one["name"]: one for one in body["components"]}
    assert set(found) == {"database", "redis", "celery", "disk_space", "models", "embedded_queue"}
    assert {found[name]["status"] for name in ("database", "disk_space", "models", "embedded_queue")} == {"healthy"}
    assert {found[name]["status"] for name in ("redis", "celery")} == {"not configured"}
    assert all(0 <= one["response_time_ms"] < 1000 for one in body["components"])
    assert found["embedded_queue"]["details"] == {"queued": 0, "running": 0, "workers": 1, "stuck": 0}
    assert found["models"]["details"]["available"] > found["models"]["details"]["cached"] >= 1


def test_a_database_that_is_gone_closes_every_probe_but_liveness(tmp_path: Path) -> None:
    with open_site(tmp_path / "data") as site:
        site.client.app.state.runtime.database.close()  # type: ignore[attr-defined]
        for file in site.folder.glob("imagequarry.db*"):
            file.unlink()
        site.database.mkdir()
        for path in ASKING:
            reply = get(site, path)
            assert reply.status_code == 503, path
            assert reply.json()["status"] in ("unhealthy", "not ready")
            assert site.client.head(path).status_code == 503
        for path in ("/api/v1/health", "/api/v1/health/"):
            assert get(site, path).json()["database_connected"] is False
        ready = get(site, "/api/v1/health/readiness")
        assert component(ready, "database")["status"] == "unhealthy"
        assert component(ready, "database")["message"] == "The database cannot be reached or used."
        assert component(ready, "disk_space")["status"] == "healthy"
        assert get(site, "/health/ready").status_code == 503
        assert get(site, "/api/v1/health/liveness").status_code == 200
        assert get(site, "/api/v1/health/metrics").status_code == 200
        assert "imagequarry_database_up 0.0" in get(site, "/api/v1/health/metrics").text


@contextmanager
def stopped(server: str, database: str) -> Iterator[None]:
    """All connections to that PostgreSQL database neither answer nor end."""
    with psycopg.connect(server, autocommit=True) as administrator:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        pids = [row[0] for row in administrator.execute(query, [database])]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


@pytest.mark.alone
def test_a_database_that_hangs_hangs_no_probe(tmp_path: Path, postgresql_server: str) -> None:
    name = f"hangs_{os.getpid()}"
    with psycopg.connect(postgresql_server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        with open_site(
            tmp_path / "data", database_url=postgresql_server.replace("/postgres?", f"/{name}?"), job_workers=0
        ) as site:
            assert get(site, "/api/v1/health/readiness").status_code == 200
            with stopped(postgresql_server, name):
                first = time.monotonic()
                reply = get(site, "/api/v1/health/readiness")
                assert reply.status_code == 503
                assert component(reply, "database")["message"] == f"No answer within {PATIENCE_SECONDS:g} seconds."
                assert component(reply, "disk_space")["response_time_ms"] < 1000
                for path in (*ASKING, "/health/", "/health/ready"):
                    assert get(site, path).status_code == 503, path
                assert get(site, "/api/v1/health/liveness").status_code == 200
                # One waits its patience; the others find the question hanging already.
                assert time.monotonic() - first < 3 * PATIENCE_SECONDS
            until = time.monotonic() + 60
            while get(site, "/api/v1/health/readiness").status_code != 200:
                assert time.monotonic() < until
                time.sleep(0.05)
        administrator.execute(f"DROP DATABASE {name} (FORCE)")


@pytest.mark.alone
def test_a_redis_that_is_stopped_is_told_on_every_surface_until_it_is_back(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with open_site(tmp_path / "data", redis_url=redis_server.url) as site:
        assert get(site, "/health/").json()["details"]["redis"] == "healthy"
        assert component(get(site, "/api/v1/health/readiness"), "redis")["status"] == "healthy"
        redis_server.kill()
        for path in (*ASKING, "/health", "/health/"):
            began = time.monotonic()
            assert get(site, path).status_code == 503, path
            assert time.monotonic() - began < 2 * PATIENCE_SECONDS
        assert get(site, "/health/").json()["details"]["redis"] == "unhealthy"
        assert get(site, "/api/v1/health").json()["database_connected"] is True
        told = component(get(site, "/api/v1/health/detailed"), "redis")
        assert (told["status"], told["message"]) == ("unhealthy", "Redis does not answer.")
        redis_server.start()
        assert get(site, "/api/v1/health/readiness").status_code == 200


def test_celery_is_asked_by_its_broker_and_by_the_ledger(tmp_path: Path, redis_server: RedisServer) -> None:
    with open_site(tmp_path / "data", job_queue="celery", celery_broker_url=redis_server.url) as site:
        told = component(get(site, "/api/v1/health/detailed"), "celery")
        assert told["status"] == "healthy"
        assert told["details"] == {"queued": 0, "running": 0}
        names = [one["name"] for one in get(site, "/api/v1/health/detailed").json()["components"]]
        assert "embedded_queue" not in names
        ready = [one["name"] for one in get(site, "/api/v1/health/readiness").json()["components"]]
        assert {"celery", "disk_space"} <= set(ready)
        assert get(site, "/health/").json()["details"]["redis"] == "healthy"
        redis_server.kill()
        reply = get(site, "/api/v1/health/readiness")
        assert reply.status_code == 503
        assert component(reply, "celery")["status"] == "unhealthy"
        assert get(site, "/health/").json()["details"]["redis"] == "unhealthy"


def test_a_full_disk_makes_the_server_unready(tmp_path: Path) -> None:
    with open_site(tmp_path / "data") as site:
        here = site.client.app.state.runtime  # type: ignore[attr-defined]
        least = psutil.disk_usage(str(tmp_path)).total * 2
        checks: dict[str, components.Check | None] = {
            "database": components.answers(here.database),
            "redis": None,
            "disk_space": components.disk_space([tmp_path], least),
            "models": Finding,
        }
        full = Health(here.health.version, checks, lambda: 0, tmp_path)
        site.client.app.state.runtime = replace(here, health=full)  # type: ignore[attr-defined]
        reply = get(site, "/api/v1/health/readiness")
        assert reply.status_code == 503
        assert component(reply, "database")["status"] == "healthy"
        assert component(reply, "disk_space")["status"] == "unhealthy"
        assert re.fullmatch(r"Only \d+ MB of disk space are left\.", component(reply, "disk_space")["message"])
        assert get(site, "/api/v1/health/detailed").status_code == 503
