"""What it costs a server that many watch one job: ``python -m bench.watchers`` prints a table and renews the page.

A real server in a process of its own, with an embedded worker that is this process: so the figures hold the server's
part and nothing of the work. Memory is what the server's process takes more than before, once all watch, and at most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import page
from bench.measuring import machine
from imagequarry.jobs.bells import Bell
from imagequarry.stores.database import Database
from tests.fixtures.ledger import Jobs
from tests.fixtures.server import Server, serving

HEAD = (
    "| watchers | memory when all watch | at most | each | all connected after | events sent "
    "| the end heard, p50 | last | heard by | processor time |\n|---|---|---|---|---|---|---|---|---|---|"
)
STEPS = 50


@dataclass(frozen=True)
class Heard:
    """What one watcher was told: how many events, the last one's type, and when it came."""

    events: int
    last: str
    at: float


@dataclass(frozen=True)
class Crowd:
    """Watchers of a job in an event loop of their own thread."""

    connected: threading.Semaphore
    heard: list[Heard]
    thread: threading.Thread


def crowd(server: Server, id: str, count: int) -> Crowd:
    """Begin to watch; each releases ``connected`` with its first event."""
    connected, heard = threading.Semaphore(0), list[Heard]()
    host, port = server.url.removeprefix("http://").split(":")

    async def watch() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /api/v1/status/tasks/{id}/stream HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        events, last = 0, ""
        while last not in ("completed", "error"):
            line = await reader.readline()
            if not line:
                break
            if line.startswith(b"data: "):
                events, last = events + 1, json.loads(line[6:])["type"]
                if events == 1:
                    connected.release()
        heard.append(Heard(events, last, time.time()))
        writer.close()

    async def watch_all() -> None:
        await asyncio.gather(*(watch() for _ in range(count)))

    thread = threading.Thread(target=lambda: asyncio.run(watch_all()))
    thread.start()
    return Crowd(connected, heard, thread)


def measured(server: Server, jobs: Jobs, count: int) -> str:
    """A row of the table."""
    id = jobs.add()
    before, busy = _memory(server, "VmRSS"), _processor_seconds(server)
    began = time.monotonic()
    watchers = crowd(server, id, count)
    for _ in range(count):
        watchers.connected.acquire(timeout=60)
    connected = time.monotonic() - began
    claim = jobs.take(id)
    time.sleep(1.0)
    there = _memory(server, "VmRSS") - before
    for step in range(STEPS):
        jobs.claims.progress(claim, step / STEPS, f"step {step}")
        jobs.claims.log(claim, "info", "a line of the log")
        time.sleep(0.1)
    jobs.claims.complete(claim, None)
    ended = time.time()
    watchers.thread.join(60)
    most, spent = _memory(server, "VmHWM") - before, _processor_seconds(server) - busy
    ends = sorted(one.at - ended for one in watchers.heard if one.last == "completed")
    sent = sum(one.events for one in watchers.heard)
    return (
        f"| {count} | {there:.0f} MiB | {most:.0f} MiB | {1024 * there / count:.0f} KiB | {connected:.1f} s | {sent:,} "
        f"| {statistics.median(ends):.2f} s | {ends[-1]:.2f} s | {len(ends)} | {spent:.1f} s |"
    )


@contextmanager
def started() -> Iterator[tuple[Server, Jobs]]:
    """A server that does no jobs, and the hand that does them."""
    with tempfile.TemporaryDirectory() as folder:
        free = {"JOB_WORKERS": "0", "RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_PER_HOUR": "0", "MAX_STREAMS": "5000"}
        with serving(Path(folder), free) as server:
            database = Database(f"sqlite:///{folder}/data/imagequarry.db")
            jobs = Jobs(database, Bell())
            # What is loaded with the first stream is no watcher's.
            first = crowd(server, jobs.run(), 1)
            first.thread.join(60)
            yield server, jobs
            database.close()


def _memory(server: Server, what: str) -> float:
    """MiB of the server's process: what it takes now (VmRSS), or took at most (VmHWM)."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("This system does not tell how much memory a process takes.")


def _processor_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    ticks: int = int(fields[11]) + int(fields[12])
    return ticks / 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, action="append", help="how many; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer, and the page stays")
    chosen = parser.parse_args()
    counts = chosen.watchers or ([100] if chosen.quick else [100, 500, 1000])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # each watcher is a file to either side
    lines = [f"On {machine()}. One job, {STEPS} steps and as many lines, ten of both a second.", "", HEAD]
    print("\n".join(lines), flush=True)
    for count in counts:
        with started() as (server, jobs):
            lines.append(measured(server, jobs, count))
            print(lines[-1], flush=True)
    if not chosen.quick:
        page.write("Watchers", "\n".join(lines))


if __name__ == "__main__":
    main()
