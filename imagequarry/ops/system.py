"""The machine and this process: processors, memory, disk and how long the server runs."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any

import psutil

_STARTED = time.monotonic()


def uptime() -> float:
    """Seconds since this process loaded the server."""
    return time.monotonic() - _STARTED


def report(data: Path) -> dict[str, Any]:
    """Processors, memory, the disk that holds the data, and this process; sizes in bytes, shares in percent.

    The share of the processors is that since the last call, so asking costs no waiting.
    """
    memory = psutil.virtual_memory()
    process = psutil.Process()
    with process.oneshot():
        own = {
            "pid": process.pid,
            "memory_bytes": process.memory_info().rss,
            "threads": process.num_threads(),
            "cpu_seconds": round(sum(process.cpu_times()[:2]), 2),
        }
    return {
        "platform": platform.system(),
        "python": platform.python_version(),
        "cpu": {"count": psutil.cpu_count(), "percent": psutil.cpu_percent(interval=None)},
        "memory": {"total": memory.total, "available": memory.available, "percent": memory.percent},
        "disk": _disk(data),
        "process": own,
    }


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: it will be on the same disk."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _disk(folder: Path) -> dict[str, Any]:
    usage = psutil.disk_usage(str(nearest(folder)))
    return {"total": usage.total, "free": usage.free, "percent": usage.percent}
