"""What this process knows of itself, looked up when Prometheus asks: its models, caches, disk and age."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from prometheus_client import ProcessCollector
from prometheus_client.registry import Collector

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.models.cache import CacheFigures
from imagequarry.models.registry import Registry
from imagequarry.ops import system
from imagequarry.ops.metrics.looked_up import Labels, LookedUp

Caches = Callable[[], Mapping[str, CacheFigures]]


def sources(
    version: str, registry: Registry, segmentation: Segmentation, archive: Archive, data: Path
) -> tuple[Collector, ...]:
    """All of it; ``process_...`` are the client library's own, where the system tells of processes as Linux does."""
    python = platform.python_version()
    return (
        ProcessCollector(registry=None),
        LookedUp(
            "gauge",
            "imagequarry_build_info",
            "1, with the versions of server and Python.",
            ("version", "python"),
            lambda: {(version, python): 1},
        ),
        LookedUp("gauge", "imagequarry_uptime_seconds", "Seconds since the start.", (), lambda: {(): system.uptime()}),
        LookedUp(
            "gauge",
            "imagequarry_model_memory_bytes",
            "Bytes that the weights of a model in memory hold there.",
            ("model",),
            lambda: {(state.card.name,): state.memory_bytes for state in registry.states() if state.loaded},
        ),
        *_of_caches(lambda: {**segmentation.cache_figures(), "rasters": archive.cache_figures()}),
        *_of_disk(data),
    )


def _of_caches(caches: Caches) -> tuple[LookedUp, ...]:
    def told(figure: Callable[[CacheFigures], int]) -> Callable[[], Mapping[Labels, float]]:
        return lambda: {(name,): figure(figures) for name, figures in caches().items()}

    label = ("cache",)
    return (
        LookedUp(
            "counter", "imagequarry_cache_hits", "Times a kept value was used.", label, told(lambda one: one.hits)
        ),
        LookedUp("counter", "imagequarry_cache_misses", "Times it was computed.", label, told(lambda one: one.misses)),
        LookedUp(
            "counter",
            "imagequarry_cache_evictions",
            "Values that went to make room.",
            label,
            told(lambda one: one.evictions),
        ),
        LookedUp("gauge", "imagequarry_cache_entries", "Values that are kept.", label, told(lambda one: one.entries)),
        LookedUp("gauge", "imagequarry_cache_bytes", "Bytes that they hold.", label, told(lambda one: one.bytes)),
    )


def _of_disk(data: Path) -> tuple[LookedUp, ...]:
    def disk(part: str) -> Callable[[], Mapping[Labels, float]]:
        return lambda: {(): getattr(psutil.disk_usage(str(system.nearest(data))), part)}

    return (
        LookedUp("gauge", "imagequarry_disk_free_bytes", "Bytes free on the disk of the data.", (), disk("free")),
        LookedUp("gauge", "imagequarry_disk_size_bytes", "Bytes of that disk.", (), disk("total")),
    )
