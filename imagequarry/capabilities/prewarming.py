"""Embedding uploaded pictures in the background, so that the first click on them is as quick as the second."""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.raster import Raster

log = logging.getLogger(__name__)

# More pictures than that waiting means that uploads outrun the model: then a click does its own embedding.
_MOST_WAITING = 8


class Prewarmer:
    """One thread that embeds what was uploaded; it promises nothing and fails in silence but for a line in the log."""

    def __init__(self, segmentation: Segmentation, *, enabled: bool) -> None:
        self._segmentation = segmentation
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prewarm") if enabled else None

    def soon(self, image: Raster) -> None:
        """Embed the picture when the thread is free."""
        if self._thread is not None and self._waiting.acquire(blocking=False):
            # A thread that was ended meanwhile takes nothing more; no upload fails for that.
            with contextlib.suppress(RuntimeError):
                self._thread.submit(self._embed, image)

    def close(self) -> None:
        """Drop what waits and end the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _embed(self, image: Raster) -> None:
        try:
            self._segmentation.prepare(image)
        except Exception:
            log.warning("prewarming failed", exc_info=True)
        finally:
            self._waiting.release()
