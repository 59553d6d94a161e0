"""Document B's health, status, settings and numbers."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.metrics import PATH, sample
from tests.fixtures.server import open_site
from tests.surfaces.context.conftest import Home
from tests.surfaces.context.test_models import TIME, check_refusal


def test_the_health_answers_as_documented(album: Home) -> None:
    body = album.get("/api/v1/health")
    assert {"status", "version", "database_connected", "models_loaded", "uptime", "stats"} <= set(body)
    assert (body["status"], body["database_connected"], body["models_loaded"]) == ("healthy", True, True)
    assert body["uptime"] > 0
    assert body["stats"] == {
        "total_images": 4,
        "collection_name": "image_contexts",
        "db_path": str(album.site.folder),
    }
    assert TIME.fullmatch(body["timestamp"])
    assert album.site.client.head("/api/v1/health").status_code == 200


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with open_site(tmp_path / "data") as site:
        site.client.app.state.runtime.database.close()  # type: ignore[attr-defined]
        for file in site.folder.glob("imagequarry.db*"):
            file.unlink()
        (site.folder / "imagequarry.db").mkdir()
        reply = site.client.get("/api/v1/health")
        assert reply.status_code == 503
        assert (reply.json()["status"], reply.json()["database_connected"]) == ("unhealthy", False)


def test_the_health_needs_no_key_and_the_rest_does(tmp_path: Path) -> None:
    with open_site(tmp_path, api_keys=("right",)) as site:
        assert site.client.get("/api/v1/health").status_code == 200
        for path in ("status", "config", "metrics", "info", "images/", "directories/tasks"):
            check_refusal(site.client.get(f"/api/v1/{path}"), 401, "AuthenticationError")


def test_the_status_tells_of_the_machine(album: Home) -> None:
    body = album.get("/api/v1/status")
    assert 0 <= body["system"]["cpu"]["percent"] <= 100
    assert body["system"]["memory"]["available"] <= body["system"]["memory"]["total"]
    assert body["system"]["disk"]["free"] <= body["system"]["disk"]["total"]
    assert body["system"]["process"]["memory_bytes"] > 10**7
    assert body["database"]["total_images"] == 4
    assert "plain-words" in body["models"]["loaded"]
    assert all(count >= 0 for count in body["jobs"].values())


def test_the_settings_hold_no_secret(tmp_path: Path) -> None:
    given = {
        "api_keys": ("right", "other-secret"),
        "hf_token": "hub-secret",
        "sam_api_url": "http://user:url-secret@127.0.0.1:9/sam",
        "sam_api_token": "sam-secret",
    }
    with open_site(tmp_path, **given) as site:
        reply = site.client.get("/api/v1/config", headers={"X-API-Key": "right"})
        config = reply.json()["config"]
        assert config["api_keys"] == ["set", "set"]
        assert (config["hf_token"], config["sam_api_token"]) == ("set", "set")
        assert config["max_image_mb"] == 50
        assert config["default_model"] == "auto"
        assert "-secret" not in reply.text
        assert "right" not in reply.text


def test_the_numbers_count_what_there_is(album: Home) -> None:
    body = album.get("/api/v1/metrics")
    assert body["total_images"] == 4
    assert sum(body["top_objects"].values()) == sum(len(one["objects"]) for one in album.get("/api/v1/images/"))
    assert set(body["vectors"].values()) == {4}
    assert body["vector_engine"] == "memory"


def test_the_start_says_where_to_go_on(album: Home) -> None:
    body = album.get("/api/v1/info")
    assert album.site.client.get(body["docs_url"]).status_code == 200
    for name, path in body["endpoints"].items():
        assert name == "websocket" or album.site.client.get(path).status_code != 404


def test_the_models_that_describe_are_timed(album: Home) -> None:
    text = album.site.client.get(PATH).text
    serving = album.get("/api/v1/models/status")["serving"]
    for stage, task in (("caption", "caption"), ("objects", "objects"), ("picture-vectors", "image_vectors")):
        assert sample(text, "imagequarry_engine_seconds_count", stage=stage, model=serving[task]) >= 1
