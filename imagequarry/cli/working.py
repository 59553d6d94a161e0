"""``imagequarry work``: jobs done by a process of its own, beside the server or for it."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any, NoReturn

from rich.console import Console

from imagequarry.errors import InvalidInput

console = Console(stderr=True, highlight=False)


def work(workers: int | None) -> None:
    """Work until a signal comes; what runs then is put back for others when it does not end within seconds."""
    from imagequarry.ops import logs
    from imagequarry.runtime import assembling
    from imagequarry.settings import read_settings

    settings = read_settings()
    if settings.job_queue == "celery":
        raise InvalidInput("JOB_QUEUE is celery: start its workers with celery -A imagequarry.worker worker.")
    # JOB_WORKERS=0 is the server's word for leaving the work to this command.
    at_once = workers or settings.job_workers or 1
    given: dict[str, Any] = {"job_workers": at_once}
    settings = read_settings(**given)
    logs.configure(settings.log_level, settings.logs, sys.stderr.isatty(), settings.log_file, is_worker=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: ended.set())
    parts = assembling.assemble(settings)
    try:
        parts.start()
        console.print(f"[bold green]Image Quarry[/] works on jobs, {at_once} at once  (Ctrl+C ends it)")
        ended.wait()
    finally:
        parts.close()


def work_for_supervisor() -> NoReturn:
    """Work as a child of the server, which kills this process where a thread could not be stopped."""
    from imagequarry.jobs import child

    reports = child.claim_standard_output()
    # The supervisor ends its children by closing their pipe: a Ctrl+C in the terminal is meant for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from imagequarry.ops import logs
    from imagequarry.runtime import assembling
    from imagequarry.settings import read_settings

    settings = read_settings()
    logs.configure(settings.log_level, settings.logs, sys.stderr.isatty(), settings.log_file, is_worker=True)
    child.serve(assembling.runner(settings), reports)
    raise SystemExit
