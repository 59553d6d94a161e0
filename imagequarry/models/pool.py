"""Models in memory: loaded once under many callers, unloaded when idle or crowded out, never under a caller."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from imagequarry.errors import ModelFailure, ModelLoadFailed, OutOfMemory, RemoteFailure


class Engine(Protocol):
    """What the pool asks of anything it holds."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...


@dataclass(slots=True)
class _Slot:
    """One model: its engine once loaded, who holds it and when it was last used."""

    loading: threading.Lock = field(default_factory=threading.Lock)
    engine: Engine | None = None
    holders: int = 0
    last_used: float = 0.0
    unwanted: bool = False


class ModelPool:
    """Engines by name, within a byte budget.

    Ollama's scheduler showed the way: reference counts, an idle timer per model, the least recently used idle model
    goes to make room. A held model is never evicted: the budget may be overrun while every model is in use.
    ``give_back`` is called after models went, and hands their memory on to others than this process.
    """

    def __init__(
        self,
        max_bytes: int,
        idle_seconds: float = 0,
        clock: Callable[[], float] = time.monotonic,
        give_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._give_back = give_back
        # Whether models went whose memory was not yet given back, since their last caller still had them in hand.
        self._owing = False
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}

    @contextmanager
    def lease(self, name: str, load: Callable[[], Engine]) -> Iterator[Any]:
        """The engine of that name, loaded if need be; it stays loaded until the block ends.

        Raises ``ModelFailure`` when loading fails; the next call tries anew.
        """
        slot = self._hold(name)
        try:
            # Per model, so that a slow load never delays the callers of another one.
            with slot.loading:
                if slot.engine is None:
                    slot.engine = _loaded(name, load)
                    self._make_room(name)
            yield slot.engine
        finally:
            self._release(name, slot)

    def unload(self, name: str) -> bool:
        """Give the model's memory back, now or as soon as its last caller is done; False when it was not loaded."""
        with self._lock:
            slot = self._slots.get(name)
            if slot is None or slot.engine is None:
                return False
            slot.unwanted = True
            if not slot.holders:
                self._drop(name)
        self._settle()
        return True

    def loaded(self) -> dict[str, int]:
        """Bytes held by each loaded model."""
        with self._lock:
            return {name: slot.engine.nbytes for name, slot in self._slots.items() if slot.engine is not None}

    def sweep(self) -> list[str]:
        """Unload what nobody has used for the idle time; the names of what went. Called now and then."""
        with self._lock:
            idle = self._idle() if self._idle_seconds else []
            for name in idle:
                self._drop(name)
        self._settle()
        return idle

    def _idle(self) -> list[str]:
        old = self._clock() - self._idle_seconds
        return [n for n, s in self._slots.items() if s.engine is not None and not s.holders and s.last_used < old]

    def _settle(self) -> None:
        """Give back what is owed."""
        with self._lock:
            owing, self._owing = self._owing, False
        if owing:
            gc.collect()
            self._give_back()

    def _hold(self, name: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
            slot.holders += 1
            slot.unwanted = False
            return slot

    def _release(self, name: str, slot: _Slot) -> None:
        with self._lock:
            slot.holders -= 1
            slot.last_used = self._clock()
            if not slot.holders and (slot.unwanted or slot.engine is None):
                self._drop(name)

    def _make_room(self, newest: str) -> None:
        with self._lock:
            held = {n: s.engine.nbytes for n, s in self._slots.items() if s.engine is not None}
            idle = sorted(
                (n for n, s in self._slots.items() if n != newest and s.engine is not None and not s.holders),
                key=lambda n: self._slots[n].last_used,
            )
            for name in idle:
                if sum(held.values()) <= self._max_bytes:
                    break
                del held[name]
                self._drop(name)

    def _drop(self, name: str) -> None:
        slot = self._slots.pop(name, None)
        self._owing |= slot is not None and slot.engine is not None


def _loaded(name: str, load: Callable[[], Engine]) -> Engine:
    try:
        return load()
    except (ModelFailure, RemoteFailure):
        raise
    except MemoryError as error:
        raise OutOfMemory(f"There is not enough memory to load {name!r}.", model=name) from error
    except Exception as error:
        # The library's own words may name server paths: they go to the log with the cause, not into the reply.
        raise ModelLoadFailed(f"The model {name!r} could not be loaded.", model=name) from error
