"""Values kept because they are dear to compute: bounded in bytes, least recently used out first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from imagequarry.errors import Cancelled

_POLL_SECONDS = 0.2


class Sized(Protocol):
    """A value that knows how much memory it holds."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        ...


class _GivenUp(Exception):
    """Whoever computed the value was cancelled."""


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


@dataclass(frozen=True, slots=True)
class EmbeddingKey:
    """What an embedding depends on: the picture's content, the model and the version of both weights and code."""

    digest: str
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class CacheFigures:
    """How a cache is doing: ``entries`` and ``bytes`` are held now, the others are counts since the start."""

    entries: int
    bytes: int
    hits: int
    misses: int
    evictions: int


class ByteCache(Generic[K, V]):
    """Values by key. Many simultaneous callers of one missing key cause one computation.

    A value larger than the whole budget is handed out and not kept. A computation that fails leaves nothing behind:
    those who waited for it get its error, the next caller computes anew.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._under_way: dict[K, Future[V]] = {}
        self._bytes = self._hits = self._misses = self._evictions = 0

    def get(self, key: K, compute: Callable[[], V], check: Callable[[], None] = lambda: None) -> V:
        """The value under that key, computed by the first who asks.

        Those who wait for another's computation call ``check`` now and then; what it raises ends their waiting.
        """
        while True:
            try:
                return self._get(key, compute, check)
            except _GivenUp:
                # The one who computed it was cancelled; that is no reason for the others to go without.
                continue

    def _get(self, key: K, compute: Callable[[], V], check: Callable[[], None]) -> V:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                self._hits += 1
                return self._kept[key][0]
            others = self._under_way.get(key)
            if others is None:
                self._misses += 1
                mine = self._under_way[key] = Future()
            else:
                self._hits += 1
        if others is None:
            return self._compute(key, compute, mine)
        while not wait((others,), timeout=_POLL_SECONDS).done:
            check()
        try:
            return others.result()
        except Cancelled as error:
            raise _GivenUp from error

    def peek(self, key: K) -> V | None:
        """The kept value, or None; nothing is computed and nobody is waited for."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            self._hits += 1
            return self._kept[key][0]

    def forget(self, unwanted: Callable[[K], bool]) -> None:
        """Drop every kept value whose key is unwanted."""
        with self._lock:
            for key in [key for key in self._kept if unwanted(key)]:
                self._bytes -= self._kept.pop(key)[1]

    def figures(self) -> CacheFigures:
        with self._lock:
            return CacheFigures(len(self._kept), self._bytes, self._hits, self._misses, self._evictions)

    def _compute(self, key: K, compute: Callable[[], V], promise: Future[V]) -> V:
        try:
            value = compute()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            promise.set_exception(error)
            raise
        self._keep(key, value)
        promise.set_result(value)
        return value

    def _keep(self, key: K, value: V) -> None:
        size = value.nbytes
        with self._lock:
            del self._under_way[key]
            if size > self._max_bytes:
                return
            self._kept[key] = value, size
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed
                self._evictions += 1
