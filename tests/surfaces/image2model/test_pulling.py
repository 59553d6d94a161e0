"""Pulling a model's weights through the server: followed, stopped and gone on with, and refused where it must be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.server import Site, open_site
from tests.models.loopback_hub import LoopbackHub, serving
from tests.surfaces.image2model.test_admin import check_refusal

WEIGHTS = bytes(range(256)) * 20_000  # 5 MB
FILES = {"config.json": b'{"model_type": "sam"}', "model.safetensors": WEIGHTS}
ADDRESS = "/api/v1/admin/models/vit_b/pull"


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with serving(LoopbackHub("facebook/sam-vit-base", dict(FILES))) as hub:
        yield hub


@pytest.fixture
def near(hub: LoopbackHub, tmp_path: Path) -> Iterator[Site]:
    """An application whose hub is on this machine."""
    with open_site(tmp_path / "data", hf_endpoint=hub.hub_url) as site:
        yield site


def pull(site: Site) -> Any:
    reply = site.client.post(ADDRESS)
    assert reply.status_code == 200, reply.text
    return reply.json()


def status(site: Site, id: str) -> Any:
    return site.client.get(f"/api/v1/status/tasks/{id}/status").json()


def ended(site: Site, id: str) -> Any:
    """How the job stands when it is over."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = status(site, id)
        if told["status"] in ("completed", "failed"):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def is_cached(site: Site) -> bool:
    return bool(site.client.get("/models/vit_b").json()["data"]["cached"])


def test_weights_arrive_in_the_background_and_the_model_is_there(near: Site) -> None:
    assert not is_cached(near)
    taken = pull(near)
    assert taken["task_id"] == taken["job_id"]
    assert (taken["model"], taken["status"]) == ("vit_b", "pending")
    assert ended(near, taken["job_id"])["status"] == "completed"
    assert is_cached(near)
    result = near.client.get(f"/jobs/{taken['job_id']}/result").json()["data"]
    assert result == {"model": "vit_b", "pulled": True}
    again = pull(near)
    assert ended(near, again["job_id"])["status"] == "completed"
    assert near.client.get(f"/jobs/{again['job_id']}/result").json()["data"]["pulled"] is False


def test_who_asks_while_it_runs_hears_of_the_same_job_and_what_arrived_before_a_stop_is_kept(
    hub: LoopbackHub, near: Site
) -> None:
    hub.go_on = threading.Event()
    taken = pull(near)
    assert hub.begun.wait(30)
    assert pull(near)["job_id"] == taken["job_id"]
    assert near.client.get(f"/jobs/{taken['job_id']}").json()["data"]["model_type"] == "vit_b"
    assert near.client.delete(f"/jobs/{taken['job_id']}").status_code == 200
    hub.go_on.set()
    assert not is_cached(near)
    hub.go_on = None
    end = time.monotonic() + 60
    while ended(near, pull(near)["job_id"])["status"] != "completed":  # the first one may hold its lock for a moment
        assert time.monotonic() < end
        time.sleep(0.2)
    assert is_cached(near)
    assert near.stored().rows["images"] == 0


def test_a_hub_that_does_not_have_it_is_a_failed_job_in_words(hub: LoopbackHub, near: Site) -> None:
    hub.api_status = 404
    told = ended(near, pull(near)["job_id"])
    assert told["status"] == "failed"
    assert "hub" in told["error"]
    assert not is_cached(near)


@pytest.mark.parametrize(
    ("name", "code", "number"),
    [("nothing", "NOT_FOUND", 404), ("region-tree", "VALIDATION_ERROR", 400), ("tripo3d", "VALIDATION_ERROR", 400)],
)
def test_what_has_no_weights_is_refused_before_there_is_a_job(near: Site, name: str, code: str, number: int) -> None:
    reply = near.client.post(f"/api/v1/admin/models/{name}/pull")
    check_refusal(reply, number, code)
    assert near.client.get("/jobs/").json()["total"] == 0


def test_nothing_is_pulled_where_only_local_files_may_be_used(hub: LoopbackHub, tmp_path: Path) -> None:
    with open_site(tmp_path / "data", hf_endpoint=hub.hub_url, use_local_files_only=True) as site:
        sentence = check_refusal(site.client.post(ADDRESS), 503, "MODEL_UNAVAILABLE")
    assert "USE_LOCAL_FILES_ONLY" in sentence
    assert hub.requests == []


def test_only_who_keeps_the_server_may_have_it_pull(hub: LoopbackHub, tmp_path: Path) -> None:
    keys = {"api_keys": ("user",), "admin_api_keys": ("admin",)}
    with open_site(tmp_path / "data", hf_endpoint=hub.hub_url, **keys) as site:
        assert site.client.post(ADDRESS).status_code == 401
        assert site.client.post(ADDRESS, headers={"X-API-Key": "user"}).status_code == 403
        assert hub.requests == []
        reply = site.client.post(ADDRESS, headers={"X-API-Key": "admin"})
        assert reply.status_code == 200
        assert ended(site, reply.json()["job_id"])["status"] == "completed"
