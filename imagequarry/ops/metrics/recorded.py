"""Times that are taken as they pass: of requests, and of the steps of models. An observation costs microseconds."""

from __future__ import annotations

from typing import Final

from prometheus_client import Histogram, disable_created_metrics

from imagequarry.domain.timing import Stage

# A time of creation beside every series would double what is sent, and nothing here needs it.
disable_created_metrics()

UNMATCHED: Final = "unmatched"
LEFT: Final = "none"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STEP_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class RequestTimes:
    """Seconds from a request's arrival to the beginning of its reply, so that a stream that lasts does not count.

    ``in_flight`` requests came and are not over; the event loop alone changes it.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.histogram = Histogram(
            "imagequarry_http_request_seconds",
            "Seconds from the arrival of a request to the beginning of its reply.",
            ("method", "route", "status"),
            buckets=_REQUEST_SECONDS,
            registry=None,
        )

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. ``route`` is the template, None where no route was meant; ``status`` 0: the caller left."""
        self.histogram.labels(
            # A caller may send any word as a method, and each would be a series for ever.
            method if method in _METHODS else "other",
            route or UNMATCHED,
            f"{status // 100}xx" if status else LEFT,
        ).observe(seconds)


class EngineTimes:
    """Seconds of every step that a model made in this process."""

    def __init__(self) -> None:
        self.histogram = Histogram(
            "imagequarry_engine_seconds",
            "Seconds of a step of a model, those that failed included.",
            ("stage", "model"),
            buckets=_STEP_SECONDS,
            registry=None,
        )

    def observe(self, stage: Stage, model: str, seconds: float) -> None:
        """Count a step."""
        self.histogram.labels(stage, model).observe(seconds)
