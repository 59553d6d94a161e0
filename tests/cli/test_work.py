"""``imagequarry work``: jobs of a server done by a process beside it, which ends in good order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.background import at_work, batch_ended, ended, hand_in, hand_in_batch, small, status_of
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import SECONDS, Site, bare_environment, command_line, open_site

BOX = '{"x": 10, "y": 8, "width": 40, "height": 30}'
MEDIUM = encoded(scene(400, 300), "JPEG")


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Site]:
    """A server that leaves the work to others."""
    with open_site(tmp_path / "data", job_workers=0) as site:
        yield site


@contextmanager
def worker(folder: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """``imagequarry work`` on the server's data, once it works."""
    noise = folder / "worker.txt"
    environment = bare_environment(folder, COLUMNS="200", **variables)
    with noise.open("w") as stream:
        process = subprocess.Popen(
            command_line("work", *words), cwd=folder, env=environment, stdout=stream, stderr=stream, text=True
        )
    try:
        end = time.monotonic() + SECONDS
        while "works on jobs" not in noise.read_text():
            assert process.poll() is None, noise.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_beside_the_server_does_its_jobs(idle: Site, tmp_path: Path) -> None:
    id = hand_in(idle.client, "box", small(), box=BOX)
    assert status_of(idle.client, id)["status"] == "pending"
    with worker(tmp_path, "--workers", "2", JOB_WORKERS="0"):
        assert "2 at once" in (tmp_path / "worker.txt").read_text()
        assert ended(idle.client, id)["status"] == "completed"
        assert idle.client.get(f"/jobs/{id}/result").json()["total_masks"] == 3
        batch = hand_in_batch(idle.client, [small(n) for n in range(4)])
        assert batch_ended(idle.client, batch)["completed_images"] == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order_and_the_job_goes_back(idle: Site, tmp_path: Path, number: int) -> None:
    with worker(tmp_path) as process:
        id = hand_in(idle.client, "auto", MEDIUM, crop_n_layers="2")
        at_work(idle.client, id)
        process.send_signal(number)
        assert process.wait(10) == 0
    assert "Traceback" not in (tmp_path / "worker.txt").read_text()
    assert status_of(idle.client, id)["status"] == "pending"
    with worker(tmp_path):
        assert ended(idle.client, id)["status"] == "completed"


def test_with_celery_it_says_how_its_workers_are_started(tmp_path: Path) -> None:
    finished = subprocess.run(
        command_line("work"),
        cwd=tmp_path,
        env=bare_environment(tmp_path, JOB_QUEUE="celery", COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert finished.returncode == 1
    assert "celery -A imagequarry.worker worker" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_child_leaves_when_its_supervisor_does(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "imagequarry.cli", "work", "--child"],
        cwd=tmp_path,
        env=bare_environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == f'{{"ready": {process.pid}}}\n'
    process.stdin.close()
    assert process.wait(5) == 0
    assert process.stdout.read() == ""
    process.stdout.close()
