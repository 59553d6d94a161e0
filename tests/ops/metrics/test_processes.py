"""Metrics where others do the work: child processes, Celery's workers, and several processes that share a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.fixtures.background import ended, hand_in, small
from tests.fixtures.metrics import PATH, becomes, sample
from tests.fixtures.redis import RedisServer, free_port
from tests.fixtures.server import SECONDS, Serve, bare_environment, command_line

KIND = "segment-everything"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """An empty folder for what processes record."""
    made = tmp_path / "recorded"
    made.mkdir()
    return str(made)


def test_jobs_of_child_processes_are_counted_and_their_models_timed_where_a_folder_is_shared(
    serve: Serve, folder: str
) -> None:
    server = serve(JOBS_ISOLATION="process", PROMETHEUS_MULTIPROC_DIR=folder)
    assert ended(server.client, hand_in(server.client, "auto", small()))["status"] == "completed"

    def text() -> str:
        return server.client.get(PATH).text

    assert becomes(text, 1, "imagequarry_job_seconds_count", kind=KIND, outcome="completed")
    assert sample(text(), "imagequarry_job_wait_seconds_count", kind=KIND) == 1
    assert sample(text(), "imagequarry_engine_seconds_count", stage="everything", model="region-tree") == 1
    # The server's own requests are there as well, and its own models nowhere: none was loaded.
    assert sample(text(), "imagequarry_model_memory_bytes", model="region-tree") == 0
    assert (
        sample(
            text(),
            "imagequarry_http_request_seconds_count",
            method="POST",
            route="/segment/auto/async",
            status="2xx",
        )
        == 1
    )


def test_jobs_of_celery_s_workers_are_counted_by_the_server_and_their_models_timed_on_a_port_of_their_own(
    serve: Serve, redis_server: RedisServer, tmp_path: Path, folder: str
) -> None:
    given = {"JOB_QUEUE": "celery", "CELERY_BROKER_URL": redis_server.url}
    server = serve(**given)
    port = free_port()
    worker = subprocess.Popen(
        [str(Path(command_line()[0]).with_name("celery")), "-A", "imagequarry.worker", "worker", "-c", "1"],
        cwd=tmp_path,
        env=bare_environment(
            tmp_path,
            METRICS_ENABLED="true",
            METRICS_PORT=str(port),
            PROMETHEUS_MULTIPROC_DIR=folder,
            **given,
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert ended(server.client, hand_in(server.client, "auto", small()))["status"] == "completed"
        told = server.client.get(PATH).text
        assert sample(told, "imagequarry_job_seconds_count", kind=KIND, outcome="completed") == 1
        assert sample(told, "imagequarry_engine_seconds_count", stage="everything", model="region-tree") == 0

        def of_worker() -> str:
            return httpx2.get(f"http://127.0.0.1:{port}/metrics").text

        name = "imagequarry_engine_seconds_count"
        assert becomes(of_worker, 1, name, stage="everything", model="region-tree")
        worker.terminate()
        assert worker.wait(SECONDS) == 0
    finally:
        worker.kill()
        worker.wait()
