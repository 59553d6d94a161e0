"""The worker that users start: ``celery -A imagequarry.worker worker``, on a real picture."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from imagequarry.domain.mesh import MeshOptions
from imagequarry.jobs.model_orders import ModelWish
from imagequarry.runtime import assembling
from imagequarry.settings import read_settings
from tests.fixtures.redis import RedisServer
from tests.fixtures.server import photograph


def test_a_celery_worker_segments_what_the_server_was_handed_and_makes_models_of_it(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    given = {
        "JOB_QUEUE": "celery",
        "CELERY_BROKER_URL": redis_server.url,
        "REDIS_URL": redis_server.url,
        "CELERY_RESULT_BACKEND": "redis://localhost:6379/2",
        "DATA_DIR": str(tmp_path),
    }
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "imagequarry.worker", "worker", "-c", "1", "--without-gossip"],
        env={**os.environ, **given},
        stdout=subprocess.DEVNULL,
    )
    wishes: dict[str, Any] = {name.lower(): value for name, value in given.items()}
    parts = assembling.assemble(read_settings(**wishes))
    try:
        parts.start()
        job = parts.orders.everything(parts.archive.take(photograph("coffee")), None, {})
        events = [event.type for event in parts.events.follow(job.id)]
        assert (events[:2], events[-1]) == (["queued", "started"], "completed")
        done = parts.board.get(job.id)
        assert done.worker is not None
        assert done.worker.split(":")[1] not in {str(os.getpid()), str(worker.pid)}  # a child of the worker's pool
        pictures = [("cup.jpg", io.BytesIO(photograph("kitten"))), ("junk.jpg", io.BytesIO(b"junk"))]
        upload = parts.model_orders.upload(pictures, ModelWish(options=MeshOptions(face_limit=500)))
        assert [event.type for event in parts.events.follow(upload.job.id)][-1] == "completed"
        assert [file.name for file in parts.model_files.models(upload.job.id)] == ["cup.glb"]
        worker.terminate()
        began = time.monotonic()
        assert worker.wait(20) == 0
        assert time.monotonic() - began < 15
    finally:
        parts.close()
        worker.kill()
        worker.wait()
