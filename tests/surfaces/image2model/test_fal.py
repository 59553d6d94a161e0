"""Models made at fal.ai through document E: asked for, made, called off, and paid for once whatever happens."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.background import jobs_in_all, small
from tests.fixtures.fal import KEY, FalQueue, glb, serving
from tests.fixtures.modelling import made, refused, send, upload
from tests.fixtures.server import Serve, Server, Site, open_site

SECONDS = 60.0


@pytest.fixture
def fal() -> Iterator[FalQueue]:
    with serving(FalQueue()) as fal:
        yield fal


@contextmanager
def open_paying(folder: Path, fal: FalQueue) -> Iterator[Site]:
    """An application that has an account there, and takes jobs over from the dead after a second."""
    account = {"fal_key": KEY, "fal_queue_url": fal.url, "fal_rest_url": fal.url}
    with open_site(folder / "data", **account, job_lease_seconds=1) as site:
        yield site


@pytest.fixture
def paying(fal: FalQueue, tmp_path: Path) -> Iterator[Site]:
    with open_paying(tmp_path, fal) as site:
        yield site


@pytest.fixture
def victim(serve: Serve, fal: FalQueue) -> Server:
    """The same as a process of its own, on the same data."""
    return serve(FAL_KEY=KEY, FAL_QUEUE_URL=fal.url, FAL_REST_URL=fal.url, JOB_LEASE_SECONDS="1")


def first_file(sent: dict[str, Any]) -> str:
    id: str = sent["uploaded_files"][0]["file_id"]
    return id


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def kill(server: Server) -> None:
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(SECONDS)


def test_without_a_key_a_model_from_fal_is_refused_and_nothing_kept(fresh_site: Site) -> None:
    before = fresh_site.stored()
    detail = refused(send(fresh_site.client, small(), model_type="tripo3d"), 502, "FAL_API_ERROR")
    assert "FAL_KEY" in detail["message"]
    assert (fresh_site.stored(), jobs_in_all(fresh_site.client)) == (before, 0)


def test_with_a_key_the_model_of_an_upload_comes_from_fal(paying: Site, fal: FalQueue) -> None:
    file_id = first_file(upload(paying.client, small(), face_limit=20_000))
    assert made(paying.client, file_id)["status"] == "completed"
    assert fal.order.arguments["face_limit"] == 20_000
    reply = paying.client.get(f"/api/v1/download/{file_id}/model.glb")
    assert (reply.status_code, reply.content) == (200, glb())


def test_a_failure_at_fal_is_told_in_document_es_words(paying: Site, fal: FalQueue) -> None:
    fal.detail = [{"loc": ["body", "image_url"], "msg": "There is no thing in it", "type": "x"}]
    file_id = first_file(upload(paying.client, small(), model_type="tripo3d"))
    job = made(paying.client, file_id)
    assert (job["status"], job["error"]) == (
        "failed",
        "fal.ai could not make the model: image_url: There is no thing in it",
    )


def test_whoever_deletes_a_job_calls_its_order_off(paying: Site, fal: FalQueue) -> None:
    fal.running = 10_000
    sent = upload(paying.client, small())
    until(lambda: fal.submits == 1 and fal.order.polls > 0)
    assert paying.client.delete(f"/jobs/{sent['job_id']}").status_code == 200
    until(lambda: fal.cancels > 0)
    time.sleep(1.5)
    assert (fal.cancels, fal.submits) == (1, 1)


def test_a_server_killed_while_fal_works_goes_on_with_the_same_order(
    victim: Server, fal: FalQueue, tmp_path: Path
) -> None:
    fal.running = 10_000
    file_id = first_file(upload(victim.client, small()))
    until(lambda: fal.submits == 1 and fal.order.polls > 2)
    kill(victim)
    polls, fal.running = fal.order.polls, 1
    with open_paying(tmp_path, fal) as site:
        assert made(site.client, file_id)["status"] == "completed"
        assert site.client.get(f"/api/v1/download/{file_id}/model.glb").content == glb()
    assert fal.order.polls > polls
    assert (fal.submits, fal.attempts, fal.cancels) == (1, 1, 0)


def test_a_server_killed_while_it_orders_does_not_order_again(victim: Server, fal: FalQueue, tmp_path: Path) -> None:
    fal.submit_seconds = 30
    file_id = first_file(upload(victim.client, small()))
    until(lambda: fal.submits == 1)
    kill(victim)
    with open_paying(tmp_path, fal) as site:
        job = made(site.client, file_id)
    assert (job["status"], fal.submits, fal.attempts) == ("failed", 1, 1)
    assert "may have accepted this picture" in job["error"]


def test_a_server_that_is_stopped_while_it_orders_keeps_the_receipt(fal: FalQueue, tmp_path: Path) -> None:
    fal.submit_seconds, fal.running = 3, 10_000
    with open_paying(tmp_path, fal) as site:
        file_id = first_file(upload(site.client, small()))
        until(lambda: fal.submits == 1)
    assert fal.order.polls == 0
    fal.running = 1
    with open_paying(tmp_path, fal) as site:
        assert made(site.client, file_id)["status"] == "completed"
    assert (fal.submits, fal.attempts, fal.cancels) == (1, 1, 0)
