"""Does the jobs that describe, slowly, in a process that tests kill: ``python -m tests.jobs.indexer URL HOME``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from imagequarry.domain.job import JobLimits
from imagequarry.jobs.indexing import AGAIN, INDEX
from imagequarry.jobs.machinery import JobSettings, Machinery, machinery
from imagequarry.stores.database import Database
from tests.fixtures.describing import Colours, Desk, Models


def at_work(desk: Desk, tries: int = 3) -> Machinery:
    """What keeps these jobs, with the desk's models as their tools."""
    # Of all the tools these kinds use two.
    tools: Any = SimpleNamespace(describer=desk.describer, directories=desk.directories)
    settings = JobSettings(limits=JobLimits(540, 600, tries), lease_seconds=1.0, dispatch_seconds=1.0)
    return machinery(desk.database, (INDEX, AGAIN), tools, settings)


def main() -> None:
    database = Database(sys.argv[1])
    at_work(Desk.on(database, Path(sys.argv[2]), Models(Colours(pause=0.1)))).start()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
