"""/models: the list, one model, loading and unloading."""

from __future__ import annotations

import pytest

from tests.fixtures.server import Site
from tests.surfaces.quarry.test_refusals import TIME, check_refusal


def test_models_are_listed_as_documented(site: Site) -> None:
    reply = site.client.get("/models/")
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"success", "message", "data", "timestamp"}
    assert body["success"] is True
    assert body["message"] == "Models retrieved successfully"
    assert TIME.fullmatch(body["timestamp"])
    models = {model["name"]: model for model in body["data"]}
    assert {"vit_h", "vit_l", "vit_b", "region-tree"} <= set(models)
    for model in models.values():
        assert {"name", "description", "size_mb", "cached", "loaded"} <= set(model)
    assert models["vit_h"]["description"] == "SAM ViT-Huge model"
    assert models["vit_h"]["size_mb"] == 2560
    assert models["vit_h"]["cached"] is False
    assert models["vit_h"]["loaded"] is False
    assert models["region-tree"]["cached"] is True


def test_one_model_is_shown_as_in_the_list(site: Site) -> None:
    listed = {model["name"]: model for model in site.client.get("/models/").json()["data"]}
    for name, model in listed.items():
        reply = site.client.get(f"/models/{name}")
        assert reply.status_code == 200
        assert reply.json()["success"] is True
        assert reply.json()["data"] == model


def test_a_model_is_loaded_and_unloaded_as_documented(fresh_site: Site) -> None:
    client = fresh_site.client
    assert client.get("/models/region-tree").json()["data"]["loaded"] is False
    loaded = client.post("/models/region-tree/load")
    assert loaded.status_code == 200
    assert loaded.json()["message"] == "Model loaded successfully"
    assert set(loaded.json()["data"]) == {"name", "loaded", "memory_usage_mb"}
    assert loaded.json()["data"]["name"] == "region-tree"
    assert loaded.json()["data"]["loaded"] is True
    assert client.get("/models/region-tree").json()["data"]["loaded"] is True
    unloaded = client.delete("/models/region-tree/unload")
    assert unloaded.status_code == 200
    assert set(unloaded.json()) == {"success", "message", "timestamp"}
    assert unloaded.json()["success"] is True
    assert unloaded.json()["message"] == "Model unloaded successfully"
    assert client.get("/models/region-tree").json()["data"]["loaded"] is False


def test_unloading_what_was_not_loaded_succeeds_and_says_so(fresh_site: Site) -> None:
    reply = fresh_site.client.delete("/models/region-tree/unload")
    assert reply.status_code == 200
    assert reply.json()["message"] == "Model was not loaded"


def test_an_unloaded_model_is_loaded_again_when_it_is_needed(fresh_site: Site) -> None:
    first = fresh_site.segment("/segment/auto").json()
    fresh_site.client.delete("/models/region-tree/unload")
    assert fresh_site.segment("/segment/auto").json() == first
    points = '[{"x": 0.5, "y": 0.5}]'
    assert fresh_site.segment("/segment/single", points=points).status_code == 200
    assert fresh_site.client.get("/models/region-tree").json()["data"]["loaded"] is True


@pytest.mark.parametrize("name", ["vit_x", "%2e%2e", "%00", "%ff", "x" * 3000, "auto"])
def test_an_unknown_model_is_not_found(site: Site, name: str) -> None:
    client = site.client
    for reply in (
        client.get(f"/models/{name}"),
        client.post(f"/models/{name}/load"),
        client.delete(f"/models/{name}/unload"),
    ):
        body = check_refusal(reply, 404, "NOT_FOUND")
        assert "region-tree" in body["details"]["models"]
        assert len(body["message"]) < 300


def test_a_model_without_weights_is_not_loaded_and_the_way_to_get_them_is_told(site: Site) -> None:
    body = check_refusal(site.client.post("/models/vit_b/load"), 503, "MODEL_ERROR")
    assert body["details"]["command"] == "imagequarry models pull vit_b"
    assert site.client.get("/models/vit_b").json()["data"]["loaded"] is False


def test_models_of_all_tasks_are_listed_when_asked_for(site: Site) -> None:
    usual = site.client.get("/models/").json()["data"]
    assert site.client.get("/models/?task=segment").json()["data"] == usual
    assert {model["task"] for model in usual} == {"segment", "segment-by-words"}
    models = {model["name"]: model for model in site.client.get("/models/?task=all").json()["data"]}
    assert {model["name"] for model in usual} < set(models)
    assert {"blip", "clip", "all-MiniLM-L6-v2", "relief"} <= set(models)
    assert {model["task"] for model in models.values()} >= {
        "caption",
        "objects",
        "image-vectors",
        "text-vectors",
        "mesh",
    }
    assert models["blip"]["pullable"] is True
    assert models["plain-words"]["pullable"] is False
    check_refusal(site.client.get("/models/?task=dream"), 422, "VALIDATION_ERROR")
