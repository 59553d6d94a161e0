"""Time and memory of a call, and what they were taken on."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True)
class Cost:
    """The best of several calls: seconds on the clock, and seconds of all cores together."""

    wall: float
    work: float

    def over(self, other: Cost) -> str:
        """How many times less this cost than the other, by clock and by work."""
        return f"{other.wall / self.wall:.1f} ({other.work / self.work:.1f})"


def cost(call: Callable[[], object], times: int = 3) -> Cost:
    """The least of some calls after a first one that is not counted."""
    call()
    walls, works = [], []
    for _ in range(times):
        wall, work = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    return Cost(min(walls), min(works))


def peak(call: Callable[[], object]) -> float:
    """MiB by which resident memory rose above what it was before, sampled every two milliseconds (Linux)."""
    done = threading.Event()
    before = most = _resident()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        call()
    finally:
        done.set()
        watcher.join()
    return (most - before) / 2**20


def machine() -> str:
    """The machine and what ran on it, in a line."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    features: set[str] = set()
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() == "flags":
                features = set(value.split())
    fast = [word for flag, word in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512-BF16")) if flag in features]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return (
        f"{name}, {os.cpu_count()} cores{', ' + ' and '.join(fast) if fast else ''}, PyTorch {torch.__version__} "
        f"with {torch.get_num_threads()} threads, load {load:.1f} at the start"
    )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
