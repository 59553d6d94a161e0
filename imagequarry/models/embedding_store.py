"""Embeddings on disk, so that they survive a restart and serve several processes: bounded, least recently used first.

A file is written whole or not at all, and one that cannot be read is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from pathlib import Path

from imagequarry.models.cache import EmbeddingKey

_DRAFT_SECONDS = 3600


class EmbeddingFolder:
    """Packed embeddings by key in one folder, ``max_bytes`` at most."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def get(self, key: EmbeddingKey) -> bytes | None:
        """The packed embedding, or None."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            # The time of the last use, which decides what goes first.
            os.utime(path)
        return data

    def put(self, key: EmbeddingKey, data: bytes) -> None:
        """Keep it if there is room for it; a full disk is no fault of the caller's, so nothing is raised."""
        if len(data) > self._max_bytes:
            return
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with self._lock:
                self._make_room(len(data))
            handle, name = tempfile.mkstemp(dir=self._root, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                os.replace(name, self._path(key))
            except BaseException:
                os.unlink(name)
                raise
        except OSError:
            return

    def drop(self, key: EmbeddingKey) -> None:
        """Remove what turned out to be damaged."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: EmbeddingKey) -> Path:
        # Hashed, because a model's name may hold characters that a file's may not.
        name = hashlib.sha256(f"{key.digest}\n{key.model}\n{key.version}".encode()).hexdigest()
        return self._root / f"{name}.embedding"

    def _make_room(self, wanted: int) -> None:
        for draft in self._root.glob("*.part"):
            # Left by a process that was killed while it wrote.
            if draft.stat().st_mtime < time.time() - _DRAFT_SECONDS:
                draft.unlink(missing_ok=True)
        files = [(entry.stat(), entry.path) for entry in os.scandir(self._root) if entry.name.endswith(".embedding")]
        held = sum(stat.st_size for stat, _ in files)
        for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
            if held + wanted <= self._max_bytes:
                return
            Path(path).unlink(missing_ok=True)
            held -= stat.st_size
