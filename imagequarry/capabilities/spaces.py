"""Which vectors a search compares: those of today's model, or of yesterday's while today's are being made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from imagequarry.domain import describing
from imagequarry.domain.card import ModelCard, Task
from imagequarry.domain.described import Space, SpaceKind
from imagequarry.domain.raster import Raster
from imagequarry.domain.timing import Stage
from imagequarry.errors import ModelFailure, ModelNotFound, ModelUnavailable
from imagequarry.models.registry import Leased, Registry
from imagequarry.stores.vectors import Vectors

TASKS: Final[dict[SpaceKind, Task]] = {"picture": "image-vectors", "text": "text-vectors"}
_STAGES: Final[Mapping[SpaceKind, Stage]] = {"picture": "picture-vectors", "text": "text-vectors"}

# Counting is a walk over an index, and the answer changes only when a model does.
_REMEMBERED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Encoder:
    """A leased engine that makes vectors, and the space that they belong to."""

    leased: Leased
    space: Space

    @property
    def reads_words(self) -> bool:
        """Whether it is one of pictures that puts words into their space."""
        return isinstance(self.leased.engine, describing.ReadsWords)

    def encode(self, inputs: Sequence[Raster] | Sequence[str]) -> describing.Vectors:
        """The vector of each picture or text."""
        return encode(self.space.kind, self.leased, inputs)

    def encode_words(self, texts: Sequence[str]) -> describing.Vectors:
        """The vectors of texts among those of pictures."""
        with self.leased.timed(_STAGES["text"]):
            found: describing.Vectors = self.leased.engine.encode_words(texts)
            return found


def encode(kind: SpaceKind, leased: Leased, inputs: Sequence[Raster] | Sequence[str]) -> describing.Vectors:
    """The vectors that the leased engine makes of pictures or texts."""
    with leased.timed(_STAGES[kind]):
        found: describing.Vectors = leased.engine.encode(inputs)
        return found


def space_of(kind: SpaceKind, leased: Leased) -> Space:
    """The space of the vectors that the leased engine makes."""
    return Space(kind, leased.card.name, leased.version, leased.engine.dimension)


class Spaces:
    """Leases the encoder whose vectors are searched.

    After a change of model the new vectors are made in the background. Until they are as many as the old ones, the old
    ones are searched, as long as the model that made them can still run in that version.
    """

    def __init__(self, registry: Registry, vectors: Vectors) -> None:
        self._registry = registry
        self._vectors = vectors
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._counted = float("-inf")

    @contextmanager
    def encoder(self, kind: SpaceKind) -> Iterator[Encoder | None]:
        """The encoder to search with, loaded until the block ends; None where no model on this machine can.

        Raises ``ModelUnavailable`` where a model was chosen that cannot run here, ``ModelLoadFailed``.
        """
        card = self._today(kind)
        if card is None:
            yield None
            return
        with self._registry.lease(card) as leased:
            today = Encoder(leased, space_of(kind, leased))
            fuller = self._fuller(kind, today.space)
            if not fuller:
                yield today
                return
        with self._older(kind, fuller) as older:
            if older is not None:
                yield older
                return
        with self._registry.lease(card) as leased:
            yield Encoder(leased, space_of(kind, leased))

    def _today(self, kind: SpaceKind) -> ModelCard | None:
        try:
            return self._registry.choose(None, TASKS[kind])
        except ModelUnavailable:
            return None

    def _fuller(self, kind: SpaceKind, today: Space) -> list[str]:
        """Spaces of that kind that hold more than today's, the fullest first."""
        counts = self._remembered()
        held = counts.get(today.key, 0)
        others = [key for key, count in counts.items() if key.startswith(f"{kind}:") and count > held]
        return sorted(others, key=lambda key: -counts[key])

    def _remembered(self) -> dict[str, int]:
        with self._lock:
            if time.monotonic() > self._counted + _REMEMBERED_SECONDS:
                self._counts, self._counted = self._vectors.spaces(), time.monotonic()
            return self._counts

    @contextmanager
    def _older(self, kind: SpaceKind, keys: list[str]) -> Iterator[Encoder | None]:
        """The encoder of the first of these spaces whose model still runs as it did."""
        for key in keys:
            found = self._runnable(kind, key.split(":")[1])
            if found is None:
                continue
            with self._registry.lease(found) as leased:
                space = space_of(kind, leased)
                if space.key == key:
                    yield Encoder(leased, space)
                    return
        yield None

    def _runnable(self, kind: SpaceKind, model: str) -> ModelCard | None:
        try:
            card = self._registry.card(model)
            self._registry.require(card)
            self._registry.load(card.name)
        except (ModelNotFound, ModelFailure):
            return None
        return card if card.task == TASKS[kind] else None
