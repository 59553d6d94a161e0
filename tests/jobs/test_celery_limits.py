"""Celery's processes: one that is deaf is ended after its own job's limit, and no other's."""

from __future__ import annotations

import time
from pathlib import Path

from tests.fixtures.queues import fleet
from tests.fixtures.redis import RedisServer
from tests.jobs.trivial import Nap, diary


def test_a_deaf_process_is_ended_after_its_jobs_limit_and_one_in_its_time_is_not(
    redis_server: RedisServer, sqlite_url: str, tmp_path: Path
) -> None:
    usual = {"soft": 0.5, "hard": 0.5}
    with fleet("celery", sqlite_url, redis_server, workers=1, grace_seconds=1.0, job_limits=usual) as crew:
        crew.start()
        # Longer than other jobs may take, the second net included.
        patient = crew.board.submit("patient", Nap("patient", 3.0, folder=str(tmp_path)))
        assert crew.ended([patient])[0].state == "completed"
        deaf = crew.board.submit("deaf", Nap("deaf", 60, folder=str(tmp_path)))
        began = time.monotonic()
        (job,) = crew.ended([deaf])
        assert job.error is not None
        assert job.error.code == "TIMEOUT"
        assert crew.ended([crew.board.submit("nap", Nap("next"))])[0].state == "completed"
        assert time.monotonic() - began < 30
    assert diary(tmp_path) == ["patient started", "patient ended", "deaf started"]
