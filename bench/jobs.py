"""How many jobs a second each queue gets done, and how soon one starts: ``python -m bench.jobs`` prints a table.

Trivial jobs, so that the keeping of jobs is all there is to measure. Throughput: ``JOBS`` jobs that wait when the
workers are ready. Delay: from the commit of a job to its claim, one job at a time, the workers idle.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagequarry.domain.job import Job
from tests.fixtures.queues import Fleet, fleet
from tests.fixtures.redis import RedisServer, free_port
from tests.jobs.trivial import Nap

QUEUES = {"thread": "embedded, threads", "process": "embedded, child processes", "celery": "Celery over Redis"}


@contextmanager
def _started(mode: str, url: str, workers: int, redis: RedisServer) -> Iterator[Fleet]:
    with fleet(mode, url, redis, workers=workers, dispatch_seconds=20.0, lease_seconds=20.0) as crew:
        crew.start()
        # Children and Celery's processes have imported everything when the first jobs are done.
        crew.ended([crew.board.submit("nap", Nap(seconds=0.3)) for _ in range(workers * 2)])
        yield crew


def throughput(crew: Fleet, jobs: int) -> float:
    """Jobs a second, from the first start to the last end. The handing in is over by then, or it would compete."""
    gate = [crew.board.submit("deaf", Nap(seconds=4.0)) for _ in range(crew.given["workers"])]
    for job in gate:
        crew.running(job)
    waiting = [crew.board.submit("nap", Nap()) for _ in range(jobs)]
    done = crew.ended(waiting, 300)
    first = max(_time(job, "finished") for job in crew.ended(gate))
    first = max(first, min(_time(job, "started") for job in done))
    return jobs / (max(_time(job, "finished") for job in done) - first)


def delays(crew: Fleet, jobs: int) -> list[float]:
    """Milliseconds from commit to claim."""
    found = []
    for _ in range(jobs):
        (job,) = crew.ended([crew.board.submit("nap", Nap())])
        found.append(1000 * (_time(job, "started") - _time(job, "created")))
        time.sleep(0.02)
    return found


def _time(job: Job, word: str) -> float:
    at = job.created if word == "created" else job.started if word == "started" else job.finished
    assert at is not None
    return at.timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--delays", type=int, default=100)
    parser.add_argument("--database", help="PostgreSQL URL of an empty database; default: a SQLite file")
    chosen = parser.parse_args()
    redis = RedisServer(free_port())
    redis.start()
    print("| queue | workers | jobs/s | submit to start p50 | p99 |\n|---|---|---|---|---|")
    try:
        for mode, name in QUEUES.items():
            for workers in (1, 2, 4):
                with tempfile.TemporaryDirectory() as folder:
                    url = chosen.database or f"sqlite:///{Path(folder)}/jobs.db"
                    with _started(mode, url, workers, redis) as crew:
                        waits = delays(crew, chosen.delays)
                        rate = throughput(crew, chosen.jobs)
                p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
                print(f"| {name} | {workers} | {rate:.0f} | {p50:.0f} ms | {p99:.0f} ms |", flush=True)
    finally:
        redis.kill()


if __name__ == "__main__":
    main()
