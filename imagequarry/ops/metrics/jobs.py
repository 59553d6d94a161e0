"""What the ledger tells of jobs, whoever works on them: threads, child processes or Celery's workers elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from imagequarry.domain.job import ENDED
from imagequarry.ops.asking import Question
from imagequarry.ops.metrics.looked_up import Tally
from imagequarry.stores.ledger_figures import LedgerFigures

_log = structlog.stdlib.get_logger(__name__)

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_READ_AT_ONCE = 1000
# A scrape reads on where the last one stopped; what takes longer is left for the next.
_READING_SECONDS = 0.5
_PATIENCE_SECONDS = 3.0


class JobMetrics:
    """Reads what jobs did since the last scrape, beginning when the server starts.

    Every server that shares the ledger tells the same: take the greatest of their figures, not the sum. ``kinds`` are
    those that are told of even while there is no such job; ``workers`` is what the queue knows of its own.
    """

    def __init__(self, ledger: LedgerFigures, kinds: Sequence[str], workers: Callable[[], Mapping[str, int]]) -> None:
        self._ledger = ledger
        self._kinds = kinds
        self._workers = workers
        self._seen: int | None = None
        self._waited = Tally(
            "imagequarry_job_wait_seconds", "Seconds from handing a job in to its first start.", ("kind",), _SECONDS
        )
        self._took = Tally(
            "imagequarry_job_seconds",
            "Seconds from a job's last start to its end.",
            ("kind", "outcome"),
            _SECONDS,
        )
        # From 0 on, or else the first failure of a kind would be no increase in Prometheus's eyes.
        self._ended = Counter({(kind, outcome): 0 for kind in kinds for outcome in sorted(ENDED)})
        self._question = Question(self._look)

    def begin(self) -> None:
        """Count from now on. Raises ``StorageFailure`` and ``Busy``."""
        self._seen = self._ledger.newest()

    def collect(self) -> Iterator[Metric]:
        """The metrics; without the database those that were known."""
        answer = self._question.answer(_PATIENCE_SECONDS)
        up = GaugeMetricFamily("imagequarry_database_up", "Whether the database answered this scrape.")
        up.add_metric((), float(answer.value is not None))
        yield up
        if answer.value is None:
            _log.warning("the ledger of jobs could not be read for metrics", reason=answer.fault)
            return
        yield from answer.value

    def _look(self) -> list[Metric]:
        """Everything, made within the question: nobody else changes the tallies meanwhile."""
        self._read_on()
        return [
            self._open(),
            _gauge(
                "imagequarry_job_longest_wait_seconds",
                "Seconds that the longest waiting job has waited.",
                self._ledger.longest_wait(),
            ),
            _gauge("imagequarry_job_workers", "Workers of this server's own queue.", self._workers().get("workers")),
            _gauge(
                "imagequarry_job_workers_stuck",
                "Those of them that hang in a job that is no longer theirs.",
                self._workers().get("stuck"),
            ),
            *self._waited.collect(),
            *self._took.collect(),
            self._outcomes(),
        ]

    def _read_on(self) -> None:
        if self._seen is None:
            self.begin()
        until = time.monotonic() + _READING_SECONDS
        more = True
        while more and time.monotonic() < until:
            assert self._seen is not None
            steps = self._ledger.steps(self._seen, _READ_AT_ONCE)
            for step in steps:
                self._seen = step.seq
                if step.type == "started":
                    if step.seconds is not None:
                        self._waited.add((step.kind,), step.seconds)
                    continue
                self._ended[step.kind, step.type] += 1
                if step.seconds is not None:
                    self._took.add((step.kind, step.type), step.seconds)
            more = len(steps) == _READ_AT_ONCE

    def _open(self) -> Metric:
        family = GaugeMetricFamily("imagequarry_jobs_open", "Jobs that wait and run.", labels=("kind", "state"))
        counts = {(kind, state): 0 for kind in self._kinds for state in ("queued", "running")}
        for labels, count in {**counts, **self._ledger.open_jobs()}.items():
            family.add_metric(labels, count)
        return family

    def _outcomes(self) -> Metric:
        family = CounterMetricFamily("imagequarry_jobs_ended", "Jobs that ended.", labels=("kind", "outcome"))
        for labels, count in self._ended.items():
            family.add_metric(labels, count)
        return family


def _gauge(name: str, help: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, help)
    if value is not None:
        family.add_metric((), value)
    return family
