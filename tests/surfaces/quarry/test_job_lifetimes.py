"""Jobs of document A through restarts, kill -9, child processes and Celery: each is done once, with one result."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.fixtures.background import (
    LONG,
    at_work,
    batch_ended,
    batch_of,
    ended,
    hand_in,
    hand_in_batch,
    large,
    small,
    status_of,
)
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.redis import RedisServer
from tests.fixtures.server import Serve, bare_environment, open_site

POINT = '[{"x": 0.5, "y": 0.5}]'
MEDIUM = encoded(scene(400, 300), "JPEG")
BOX = '{"x": 10, "y": 8, "width": 40, "height": 30}'


def test_jobs_that_waited_when_the_server_ended_are_done_by_the_next(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", job_workers=0) as site:
        waiting = [hand_in(site.client, "box", small(n), box=BOX) for n in range(3)]
        batch = hand_in_batch(site.client, [small(n) for n in range(3)])
        assert status_of(site.client, waiting[0])["status"] == "pending"
    with open_site(tmp_path / "data") as site:
        for id in waiting:
            assert ended(site.client, id)["status"] == "completed"
            assert site.client.get(f"/jobs/{id}/result").json()["total_masks"] == 3
        assert batch_ended(site.client, batch)["completed_images"] == 3


def test_a_job_in_its_middle_when_the_server_ends_is_done_by_the_next(tmp_path: Path) -> None:
    # It is put back: with a lease as long as this no other would have got it.
    with open_site(tmp_path / "data", job_lease_seconds=3600) as site:
        id = hand_in(site.client, "auto", MEDIUM, crop_n_layers="2")
        at_work(site.client, id)
    with open_site(tmp_path / "data", job_lease_seconds=3600) as site:
        status = ended(site.client, id)
        assert status["status"] == "completed"
        assert site.client.get(f"/jobs/{id}/result").json()["total_masks"] >= 2


def completions(database: Path) -> dict[str, int]:
    """How many times each job was completed, by its events."""
    query = "SELECT job_id, count(*) FROM job_events WHERE type = 'completed' GROUP BY job_id"
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute(query).fetchall())


def test_a_batch_is_done_once_although_its_server_is_killed_in_the_middle(serve: Serve, tmp_path: Path) -> None:
    pictures = [small(seed) for seed in range(20)]
    first = serve(JOB_LEASE_SECONDS="2")
    id = hand_in_batch(first.client, pictures)
    while batch_of(first.client, id)["completed_images"] < 4:
        time.sleep(0.02)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    second = serve(JOB_LEASE_SECONDS="2")
    before = batch_of(second.client, id)
    assert before["completed_images"] < 20  # or nothing was killed in the middle
    done = batch_ended(second.client, id)
    assert (done["status"], done["completed_images"], done["failed_images"]) == ("completed", 20, 0)
    children = [job["job_id"] for job in done["jobs"]]
    counts = completions(tmp_path / "data" / "imagequarry.db")
    assert counts == dict.fromkeys([*children, id], 1)
    for seed, child in enumerate(children[:3]):
        found = second.client.get(f"/jobs/{child}/result").json()
        assert found["total_masks"] == done["jobs"][seed]["total_masks"] > 0
    with closing(sqlite3.connect(tmp_path / "data" / "imagequarry.db")) as connection:
        kept = [
            connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("images", "segmentations")
        ]
    assert kept == [20, 20]


def test_child_processes_do_the_work_and_a_deleted_job_frees_its_child(serve: Serve) -> None:
    server = serve(JOBS_ISOLATION="process", JOB_WORKERS="1")
    id = hand_in(server.client, "box", small(), box=BOX)
    assert ended(server.client, id)["status"] == "completed"
    assert server.client.get(f"/jobs/{id}/result").json()["total_masks"] == 3
    batch = hand_in_batch(server.client, [small(1), b"broken", small(2)])
    done = batch_ended(server.client, batch)
    assert (done["completed_images"], done["failed_images"]) == (2, 1)
    long = hand_in(server.client, "auto", large(), **LONG)
    at_work(server.client, long)
    assert server.client.delete(f"/jobs/{long}").status_code == 200
    after = hand_in(server.client, "objects/extract", small(), min_pixels="200")
    assert ended(server.client, after, seconds=60)["status"] == "completed"
    assert server.client.get(f"/jobs/{after}/result").json()["saved"]


def test_a_child_that_is_killed_is_replaced_and_its_job_done_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(JOBS_ISOLATION="process")
    id = hand_in(server.client, "auto", MEDIUM, crop_n_layers="2")
    at_work(server.client, id)
    (child,) = children_of(server.process.pid)
    os.kill(child, signal.SIGKILL)
    assert ended(server.client, id)["status"] == "completed"
    with closing(sqlite3.connect(tmp_path / "data" / "imagequarry.db")) as connection:
        assert connection.execute("SELECT attempt FROM jobs").fetchall() == [(2,)]


def children_of(pid: int) -> list[int]:
    """The ids of a process's own processes."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for file in files for word in file.read_text().split()]


@contextmanager
def celery(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """A Celery worker as the documentation starts it."""
    command = [sys.executable, "-m", "celery", "-A", "imagequarry.worker", "worker", "-c", "1", "--without-mingle"]
    with (folder / "celery.txt").open("wb") as noise:
        environment = bare_environment(folder, **variables)
        worker = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=noise, stderr=noise, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def test_everything_works_over_celery_redis_and_postgresql(
    serve: Serve, redis_server: RedisServer, postgresql_url: str, tmp_path: Path
) -> None:
    variables = {
        "JOB_QUEUE": "celery",
        "DATABASE_URL": postgresql_url.replace("postgresql://", "postgresql+asyncpg://"),
        "REDIS_URL": redis_server.url,
        "CELERY_BROKER_URL": redis_server.url,
        "JOB_LEASE_SECONDS": "2",
    }
    server = serve(**variables)
    id = hand_in(server.client, "auto", small())
    time.sleep(0.5)
    assert status_of(server.client, id)["status"] == "pending"
    with celery(tmp_path, variables):
        assert ended(server.client, id)["status"] == "completed"
        assert server.client.get(f"/jobs/{id}/result").json()["total_masks"] >= 2
        cut = hand_in(server.client, "objects/extract", small(), min_pixels="200")
        assert ended(server.client, cut)["status"] == "completed"
        assert server.client.get(f"/jobs/{cut}/result").json()["saved"]
        done = batch_ended(server.client, hand_in_batch(server.client, [*(small(n) for n in range(8)), b"broken"]))
        assert (done["completed_images"], done["failed_images"]) == (8, 1)
        check_single(server.client)


def check_single(client: httpx2.Client) -> None:
    """A synchronous segmentation is in the same list, and goes like any other job."""
    made: dict[str, Any] = client.post("/segment/single", files={"image": small()}, data={"points": POINT}).json()
    assert client.get(f"/jobs/{made['job_id']}/result").json() == made
    assert client.get("/jobs/").json()["total"] == 4
    assert client.delete(f"/jobs/{made['job_id']}").status_code == 200
