"""A process that keeps jobs as the server does, for tests that kill it: ``python -m tests.jobs.server`` and a JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any

from imagequarry.domain.job import JobLimits
from imagequarry.jobs import child
from imagequarry.jobs.machinery import JobSettings, machinery, runner
from imagequarry.jobs.queues.celery import application, serve
from imagequarry.stores.database import Database
from tests.jobs.trivial import KINDS

LEASE = 2.0


def settings(**given: Any) -> JobSettings:
    """Settings with a lease short enough for tests."""
    limits = given.pop("limits", None) or JobLimits(**given.pop("job_limits", {}))
    return JobSettings(limits=limits, **{"lease_seconds": LEASE, "dispatch_seconds": 2.0, **given})


def command(role: str, url: str, **given: Any) -> list[str]:
    """How to start one; ``role`` is server (works and looks after), child (works for one), celery."""
    return [sys.executable, "-m", "tests.jobs.server", json.dumps({"role": role, "url": url, "given": given})]


def main() -> None:
    reports = child.claim_standard_output()
    wish = json.loads(sys.argv[1])
    url, given = wish["url"], settings(**wish["given"])
    if wish["role"] == "celery":
        _celery(url, given)
        return
    database = Database(url, busy_seconds=2)
    if wish["role"] == "child":
        child.serve(runner(database, KINDS, None, given), reports)
    given = replace(given, child_command=command("child", url, **wish["given"]))
    machinery(database, KINDS, None, given).start()
    reports.write("ready\n")
    while True:
        time.sleep(1)


def _celery(url: str, given: JobSettings) -> None:
    app = application(given.broker_url)
    serve(app, lambda: runner(Database(url, busy_seconds=2), KINDS, None, given), given.grace_seconds)
    app.worker_main(["worker", "-c", str(given.workers), "--without-gossip", "--without-mingle", "-l", "WARNING"])


if __name__ == "__main__":
    main()
