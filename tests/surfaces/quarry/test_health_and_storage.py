"""/health and /storage/drive/status, at both spellings of /health."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

import imagequarry
from tests.fixtures.server import Site, open_site
from tests.surfaces.quarry.test_refusals import check_refusal


def test_health_is_told_as_documented_at_both_spellings(site: Site) -> None:
    for path in ("/health/", "/health"):
        reply = site.client.get(path, follow_redirects=False)
        assert reply.status_code == 200
        body = reply.json()
        assert list(body) == ["status", "service", "version", "details"]
        assert body["status"] == "healthy"
        assert body["service"] == "image-quarry-api"
        assert body["version"] == imagequarry.__version__
        assert body["details"]["database"] == "healthy"
        assert "redis" in body["details"]
        models = body["details"]["models"]
        assert list(models) == ["available", "cached", "loaded"]
        assert models["available"] >= 4
        assert models["available"] > models["cached"] >= 1


def test_readiness_and_liveness_are_told_as_documented(site: Site) -> None:
    common = {"service": "image-quarry-api", "version": imagequarry.__version__}
    ready, live = site.client.get("/health/ready"), site.client.get("/health/live")
    assert ready.status_code == live.status_code == 200
    assert ready.json() == {"status": "ready", **common, "details": {"ready": True}}
    assert live.json() == {"status": "alive", **common, "details": {"alive": True}}


def test_while_its_database_is_away_the_server_is_alive_but_neither_healthy_nor_ready(
    tmp_path: Path, postgresql_server: str
) -> None:
    name = f"away_{os.getpid()}"
    with psycopg.connect(postgresql_server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        with open_site(tmp_path / "data", database_url=postgresql_server.replace("/postgres?", f"/{name}?")) as site:
            assert site.client.get("/health/").json()["details"]["database"] == "healthy"
            administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            for path in ("/health/", "/health"):
                reply = site.client.get(path)
                assert reply.status_code == 503
                assert reply.json()["status"] == "unhealthy"
                assert reply.json()["details"]["database"] == "unhealthy"
            ready = site.client.get("/health/ready")
            assert ready.status_code == 503
            assert ready.json()["details"] == {"ready": False}
            assert site.client.get("/health/live").status_code == 200
            check_refusal(site.client.get("/segment/job/x"), 503, "INTERNAL_ERROR")
            assert site.client.get("/images").status_code == 503
            administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert site.client.get("/health/").status_code == 200
        administrator.execute(f"DROP DATABASE {name}")


def test_the_version_is_that_of_app_version_where_it_is_set(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", app_version="7.8.9") as site:
        assert site.client.get("/health/live").json()["version"] == "7.8.9"
        assert site.client.get("/openapi.json").json()["info"]["version"] == "7.8.9"


def test_the_state_of_google_drive_is_told_as_documented(site: Site) -> None:
    reply = site.client.get("/storage/drive/status")
    assert reply.status_code == 200
    assert reply.json() == {"enabled": False, "authenticated": False, "folder_access": False}
