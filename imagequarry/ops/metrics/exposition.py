"""All metrics of an application as the text that Prometheus reads."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from imagequarry.ops.metrics.recorded import EngineTimes

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The metrics of one application; nothing is shared with another one in the process.

    What is recorded (times of requests and of models) is this process's own; where PROMETHEUS_MULTIPROC_DIR names a
    folder, it is that of all processes that were started with it. What is looked up is as this process knows it.
    """

    def __init__(self) -> None:
        self.engines = EngineTimes()
        self._recorded = [self.engines.histogram]
        self._looked_up: list[Collector] = []

    def add(self, *sources: Collector) -> None:
        """Tell of what is looked up there too."""
        self._looked_up += sources

    def add_recorded(self, histogram: Histogram) -> None:
        """Tell of what is recorded there too."""
        self._recorded.append(histogram)

    def families(self) -> list[Metric]:
        """Every metric with its series."""
        return list(self._registry().collect())

    def text(self) -> bytes:
        """The same as text, in the format that ``CONTENT_TYPE`` names."""
        return generate_latest(self._registry())

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        for source in self._looked_up:
            registry.register(source)
        try:
            MultiProcessCollector(registry)
        except ValueError:  # no such folder: this process alone
            for histogram in self._recorded:
                registry.register(histogram)
        return registry
