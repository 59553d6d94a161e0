"""Celery workers that do the work, on any number of hosts. A message carries a job's id and nothing else.

What runs, what is left and what came of it stands in the ledger: acknowledging late, result backends and retries of
Celery's own would only add doubles.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog

from imagequarry.domain.job import Job
from imagequarry.errors import Busy, StorageFailure
from imagequarry.jobs.runner import Runner

if TYPE_CHECKING:
    from celery import Celery

_log = structlog.stdlib.get_logger(__name__)

RUN_JOB = "imagequarry.run_job"
QUEUE = "celery"

# Enough to keep every worker busy; more would only pile up.
_MOST_MESSAGES = 1000
# The second net, for code that does not listen; the ledger's limit comes first.
_SECOND_NET_SECONDS = 30.0


def application(broker_url: str) -> Celery:
    """The Celery application of servers and workers alike."""
    from celery import Celery

    app = Celery("imagequarry", broker=broker_url)
    app.conf.update(
        task_acks_late=False,
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=200,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        # For a wake-up it is worth less to wait than to be told: the reaper repeats it.
        broker_transport_options={
            "visibility_timeout": 86400,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.2,
        },
    )
    return app


def serve(app: Celery, make_runner: Callable[[], Runner[Any]], net_seconds: float = _SECOND_NET_SECONDS) -> None:
    """Let the workers of the application run jobs; a process that is deaf is ended so long after its job's limit.

    The runner is made in each process when its first job comes: after the fork, so that processes share no
    connection. A message whose job is done already is an occasion to look for another.
    """
    runner = cache(make_runner)

    def run_job(job_id: str) -> None:
        try:
            with _net(net_seconds) as spread:
                if not runner().run(job_id, spread):
                    runner().run(None, spread)
        except (StorageFailure, Busy) as error:
            _log.warning("the ledger of jobs cannot be asked; the reaper wakes again", reason=error.message)

    app.task(name=RUN_JOB)(run_job)


@contextmanager
def _net(seconds: float) -> Iterator[Callable[[Job], None]]:
    """Called with a job that starts, has the kernel end this process so long after the job's own hard limit.

    Celery's time limit is one for all jobs, and some may take days. The alarm's default action asks nothing of
    Python, so native code that never returns is ended too. Only processes of the prefork pool are: others are the
    worker itself.
    """
    from billiard.process import current_process

    if not current_process().daemon or threading.current_thread() is not threading.main_thread():
        yield lambda job: None
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        yield lambda job: _alarm(job.limits.hard + seconds)
    finally:
        _alarm(0.0)


def _alarm(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)


class CeleryQueue:
    """Wakes Celery workers over the broker. Has no workers of its own."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def wake(self, job_id: str) -> None:
        self._app.send_task(RUN_JOB, args=(job_id,), ignore_result=True, retry=False)

    def room(self) -> int:
        from kombu import Queue

        with self._app.connection_or_acquire() as connection:
            declared: Any = Queue(QUEUE)(connection.default_channel).queue_declare()
        return max(0, _MOST_MESSAGES - int(declared.message_count))

    def start(self) -> None:
        """Workers are started elsewhere: ``celery -A imagequarry.worker worker``."""

    def close(self) -> None:
        self._app.close()

    def health(self) -> dict[str, int]:
        # Celery's workers do not answer while they work, so they are not asked.
        return {}
