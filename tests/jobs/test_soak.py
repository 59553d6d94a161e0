"""For minutes: everything is killed at random moments, over and over, and at the end every job is counted."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from imagequarry.domain.job import Job
from tests.fixtures.queues import Fleet, fleet
from tests.fixtures.redis import RedisServer
from tests.jobs.trivial import Nap, diary

MINUTES = 3.0
SEED = 20261121


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["thread", "process", "celery"])
def test_random_kills_lose_nothing_and_double_nothing(
    mode: str, database_url: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    with fleet(mode, database_url, redis_server, job_limits={"max_attempts": 1000}) as crew:
        jobs: list[Job] = []
        end = time.monotonic() + MINUTES * 60
        kills = 0
        while time.monotonic() < end:
            crew.start(2)
            until = time.monotonic() + chance.uniform(0.5, 12)
            while time.monotonic() < until:
                jobs.append(crew.board.submit("nap", Nap(str(len(jobs)), chance.uniform(0, 1.5), 5, str(tmp_path))))
                time.sleep(chance.uniform(0.1, 0.6))
            crew.kill()
            kills += 1
            if chance.random() < 0.3:
                redis_server.client().flushall()
        crew.start(2)
        ended = crew.ended(jobs, 120)
        _count(crew, [job.id for job in ended], diary(tmp_path))
        again = sum(job.attempt - 1 for job in ended)
        print(f"{mode}: {len(jobs)} jobs, {kills} kills, {again} attempts were cut off")
        assert again > 0


def _count(crew: Fleet, ids: list[str], lines: list[str]) -> None:
    started = Counter(line.split()[0] for line in lines if line.endswith("started"))
    for number, id in enumerate(ids):
        job = crew.board.get(id)
        types = Counter(event.type for event in crew.board.events_after(id))
        assert (job.state, types["completed"]) == ("completed", 1)
        assert types["started"] == job.attempt
        assert started[str(number)] <= job.attempt
        assert crew.board.result(id) == {"name": str(number), "attempt": job.attempt}
