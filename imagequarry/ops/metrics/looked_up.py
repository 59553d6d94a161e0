"""Figures that are kept elsewhere and looked up when Prometheus asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """One metric; ``ask`` tells its value for each combination of its labels' values."""

    kind: Literal["gauge", "counter"]
    name: str
    help: str
    labels: Labels
    ask: Callable[[], Mapping[Labels, float]]

    def collect(self) -> Iterator[Metric]:
        """The metric as it stands now."""
        make = GaugeMetricFamily if self.kind == "gauge" else CounterMetricFamily
        family = make(self.name, self.help, labels=self.labels)
        for values, figure in self.ask().items():
            family.add_metric(values, figure)
        yield family


class Tally:
    """A histogram that is filled when somebody asks; not safe for several threads at once.

    The library's own histograms are of this process, or of all that share a folder. What several processes read in
    one ledger must not be added up.
    """

    def __init__(self, name: str, help: str, labels: Labels, bounds: Sequence[float]) -> None:
        self._name, self._help, self._labels = name, help, labels
        self._bounds = [*bounds, float("inf")]
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def add(self, labels: Labels, value: float) -> None:
        """Count one value."""
        counts = self._counts.setdefault(labels, [0] * len(self._bounds))
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + value

    def collect(self) -> Iterator[Metric]:
        """The histogram as it stands now."""
        family = HistogramMetricFamily(self._name, self._help, labels=self._labels)
        for labels, counts in self._counts.items():
            below, buckets = 0, []
            for bound, count in zip(self._bounds, counts, strict=True):
                below += count
                buckets.append((floatToGoString(bound), float(below)))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family
