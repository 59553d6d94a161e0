"""Document B's models: what is in memory, loading ahead, and its way of saying that something went wrong."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest

from tests.fixtures.server import Site, open_site

DESCRIBING = ("blip_processor", "blip_model", "clip_processor", "clip_model", "sentence_transformer")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


def check_refusal(reply: httpx2.Response, status: int, word: str) -> None:
    """The error is B's envelope with that status and word, and nothing more."""
    body = reply.json()
    assert reply.status_code == status
    assert set(body) == {"success", "error", "message", "details", "timestamp"}
    assert (body["success"], body["error"], body["details"]["status_code"]) == (False, word, status)
    assert body["message"]
    assert TIME.fullmatch(body["timestamp"])


def test_the_status_tells_what_is_in_memory_and_loads_nothing(fresh_site: Site) -> None:
    for _ in range(2):
        reply = fresh_site.client.get("/api/v1/models/status")
        assert reply.status_code == 200
        body = reply.json()
        assert set(body) == {"models", "serving", "segmentation_models", "device", "timestamp"}
        assert body["serving"]["caption"] == "plain-words"
        assert body["models"] == dict.fromkeys(DESCRIBING, False)
        assert set(body["segmentation_models"].values()) == {False}
        assert body["device"] in ("cpu", "cuda", "mps")
        assert TIME.fullmatch(body["timestamp"])


def test_preloading_loads_a_model_for_every_task_and_tells_how_long_it_took(fresh_site: Site) -> None:
    reply = fresh_site.client.post("/api/v1/models/preload")
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"success", "timings", "serving", "segmentation_model", "device", "timestamp"}
    assert body["success"] is True
    assert set(body["timings"]) == {*DESCRIBING, "segmentation_model", "total"}
    assert all(isinstance(seconds, float) and seconds >= 0 for seconds in body["timings"].values())
    assert TIME.fullmatch(body["timestamp"])
    name = body["segmentation_model"]
    status = fresh_site.client.get("/api/v1/models/status").json()
    assert status["segmentation_models"][name] is True
    assert status["models"] == dict.fromkeys(DESCRIBING, True)
    assert body["timings"]["total"] >= body["timings"]["sentence_transformer"] > 0
    again = fresh_site.client.post("/api/v1/models/preload").json()["timings"]
    assert {again[part] for part in DESCRIBING} == {0.0}


def test_status_and_document_a_read_the_same_registry(fresh_site: Site) -> None:
    fresh_site.client.post("/models/region-tree/load")
    assert fresh_site.client.get("/api/v1/models/status").json()["segmentation_models"]["region-tree"] is True
    fresh_site.client.delete("/models/region-tree/unload")
    assert fresh_site.client.get("/api/v1/models/status").json()["segmentation_models"]["region-tree"] is False


def test_preloading_a_default_whose_weights_are_absent_says_what_to_do(tmp_path: Path) -> None:
    with open_site(tmp_path, default_model="vit_b") as site:
        reply = site.client.post("/api/v1/models/preload")
        check_refusal(reply, 503, "ModelError")
        assert "imagequarry models pull vit_b" in reply.json()["message"]
        assert "Retry-After" not in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/api/v1/models/nothing", 404, "NotFoundError"),
        ("GET", "/api/v1", 404, "NotFoundError"),
        ("GET", "/api/v1/models/preload", 405, "MethodNotAllowedError"),
        ("DELETE", "/api/v1/models/status", 405, "MethodNotAllowedError"),
    ],
)
def test_an_address_or_method_that_is_not_there_is_refused_in_its_words(
    site: Site, method: str, path: str, status: int, word: str
) -> None:
    check_refusal(site.client.request(method, path), status, word)


def test_keys_guard_both_routes(tmp_path: Path) -> None:
    with open_site(tmp_path, api_keys=("right",)) as site:
        check_refusal(site.client.get("/api/v1/models/status"), 401, "AuthenticationError")
        check_refusal(
            site.client.post("/api/v1/models/preload", headers={"X-API-Key": "wrong"}), 403, "AuthenticationError"
        )
        for headers in ({"X-API-Key": "right"}, {"Authorization": "Bearer right"}):
            assert site.client.get("/api/v1/models/status", headers=headers).status_code == 200
