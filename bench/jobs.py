"""How many jobs a second each queue gets done, and how soon one starts: ``python -m bench.jobs`` prints a table.

Trivial jobs, so that the keeping of jobs is all there is to measure. Throughput: ``JOBS`` jobs that wait when the
workers are ready. Delay: from the commit of a job to its claim, one job at a time, the workers idle.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imagequarry.domain.job import Job
from imagequarry.jobs.machinery import Machinery, machinery
from imagequarry.stores.database import Database
from tests.fixtures.redis import RedisServer, free_port
from tests.jobs.server import command, settings
from tests.jobs.trivial import KINDS, Nap

QUEUES = {"thread": "embedded, threads", "process": "embedded, child processes", "celery": "Celery over Redis"}


@dataclass(frozen=True)
class Bench:
    """A server's machinery in this process, which hands in and, where the queue is embedded, works."""

    here: Machinery
    workers: int

    def ended(self, jobs: list[Job], seconds: float = 300) -> list[Job]:
        end = time.monotonic() + seconds
        for job in jobs:
            while not self.here.board.get(job.id).ended:
                if time.monotonic() > end:
                    raise SystemExit("The jobs were not done in time.")
                time.sleep(0.005)
        return [self.here.board.get(job.id) for job in jobs]


@contextmanager
def _started(mode: str, url: str, workers: int, redis: RedisServer) -> Iterator[Bench]:
    given: dict[str, Any] = {"workers": workers, "lease_seconds": 20.0, "dispatch_seconds": 20.0}
    if mode == "celery":
        given |= {"queue": "celery", "broker_url": redis.url, "redis_url": redis.url}
    else:
        given |= {"isolation": mode}
    database = Database(url)
    database.migrate()
    here = machinery(database, KINDS, None, replace(settings(**given), child_command=command("child", url, **given)))
    here.start()
    worker = subprocess.Popen(command("celery", url, **given), stdout=subprocess.DEVNULL) if mode == "celery" else None
    try:
        bench = Bench(here, workers)
        # Children and Celery's processes have imported everything when the first jobs are done.
        bench.ended([here.board.submit("nap", Nap(seconds=1.0)) for _ in range(workers * 2)])
        yield bench
    finally:
        if worker is not None:
            worker.terminate()
            worker.wait()
        here.close()
        database.close()


def throughput(bench: Bench, jobs: int) -> float:
    """Jobs a second, from the first start to the last end. The handing in is over by then, or it would compete."""
    board = bench.here.board
    gate = [board.submit("deaf", Nap(seconds=5.0)) for _ in range(bench.workers)]
    waiting = [board.submit("nap", Nap()) for _ in range(jobs)]
    opened = min(_time(job, "finished") for job in bench.ended(gate))
    return jobs / (max(_time(job, "finished") for job in bench.ended(waiting)) - opened)


def delays(bench: Bench, jobs: int) -> list[float]:
    """Milliseconds from commit to claim."""
    found = []
    for _ in range(jobs):
        (job,) = bench.ended([bench.here.board.submit("nap", Nap())])
        found.append(1000 * (_time(job, "started") - _time(job, "created")))
        time.sleep(0.05)
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
    parser.add_argument("--queue", choices=QUEUES, action="append", help="only this one; may be repeated")
    chosen = parser.parse_args()
    redis = RedisServer(free_port())
    redis.start()
    print("| queue | workers | jobs/s | submit to start p50 | p99 |\n|---|---|---|---|---|")
    try:
        for mode in chosen.queue or QUEUES:
            for workers in (1, 2, 4):
                with tempfile.TemporaryDirectory() as folder:
                    url = chosen.database or f"sqlite:///{Path(folder)}/jobs.db"
                    with _started(mode, url, workers, redis) as bench:
                        waits = delays(bench, chosen.delays)
                        rate = throughput(bench, chosen.jobs)
                p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
                print(f"| {QUEUES[mode]} | {workers} | {rate:.0f} | {p50:.0f} ms | {p99:.0f} ms |", flush=True)
    finally:
        redis.kill()


if __name__ == "__main__":
    main()
