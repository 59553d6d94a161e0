"""The one place that knows models by name: which there are, which can run, and a lease on one that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from imagequarry.domain.card import ModelCard, Task
from imagequarry.domain.timing import Observe, Stage, timed, unobserved
from imagequarry.errors import ModelNotFound, ModelUnavailable
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.catalogue import ALIASES, Entry, Hardware
from imagequarry.models.pool import ModelPool
from imagequarry.models.weights import WeightsFolder

AUTO = "auto"

# float32 as published, or what the hardware is fastest at.
Mode = Literal["exact", "fast"]

_DOING: Mapping[Task, str] = {
    "segment": "segment",
    "segment-by-words": "segment by words",
    "caption": "caption pictures",
    "objects": "name objects",
    "image-vectors": "turn pictures into vectors",
    "text-vectors": "turn texts into vectors",
    "mesh": "make meshes",
}

# A sentence that lists more names than this is not read.
_FEW_NAMES = 8

# Between an engine's name and its precision, as the pool knows it; no name of a model holds one.
_SEPARATOR = "@"


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model as it stands: weights on disk (or none needed), in memory, and the bytes it holds there.

    ``digest`` is the SHA-256 of weights and configuration where it is known without reading them, else empty;
    ``checkpoint`` tells a checkpoint of the original release from a folder in the hub's layout.
    """

    card: ModelCard
    cached: bool
    loaded: bool
    memory_bytes: int
    digest: str = ""
    checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class Leased:
    """A loaded engine, the card of the model it runs, and the version of its code and weights together.

    ``observe`` hears how long the steps took that ran in a ``timed`` block.
    """

    card: ModelCard
    engine: Any
    version: str
    observe: Observe = unobserved

    def key(self, digest: str) -> EmbeddingKey:
        """Under what this engine's embedding of the picture with that digest is kept."""
        return EmbeddingKey(digest, self.card.name, self.version)

    def timed(self, stage: Stage) -> AbstractContextManager[None]:
        """Count the block as that step of the model."""
        return timed(self.observe, stage, self.card.name)


class Registry:
    """Models by name over catalogue, weights and pool.

    ``default`` is what segments where nobody names a model, ``defaults`` what does the other tasks; "auto" where none
    is given. Cards that run as another model's share its engine: it is loaded once, and unloaded for all of them.
    ``observe`` hears how long models take to load, and the steps of those that are leased.
    """

    def __init__(
        self,
        catalogue: Sequence[Entry],
        weights: WeightsFolder,
        pool: ModelPool,
        embeddings: ByteCache[EmbeddingKey, Any],
        hardware: Hardware,
        default: str = AUTO,
        defaults: Mapping[Task, str] | None = None,
        observe: Observe = unobserved,
    ) -> None:
        self._entries = {entry.card.name: entry for entry in catalogue}
        self._weights = weights
        self._pool = pool
        self._embeddings = embeddings
        self._hardware = hardware
        self._observe = observe
        self._defaults: dict[Task, str] = {**(defaults or {}), "segment": default}
        for name in self._defaults.values():
            if name != AUTO:
                self._entry(name)
        # The weights' part of a version, by what the pool holds them as.
        self._weighed: dict[str, str] = {}

    def card(self, name: str) -> ModelCard:
        """The card of that name. Raises ``ModelNotFound`` with the names there are."""
        return self._entry(name).card

    def choose(self, name: str | None, task: Task) -> ModelCard:
        """The model to use: the named one, else the task's default, else the best for the task that can run.

        A name is obeyed or refused, never replaced; only "auto" falls back to an embedded engine. A model that does
        several tasks has a card for each, and any of their names means the card of this task.
        """
        wanted = name or self._defaults.get(task, AUTO)
        if wanted != AUTO:
            engine = self._entry(wanted).card.engine
            for entry in self._entries.values():
                if entry.card.task == task and entry.card.engine == engine:
                    return entry.card
            raise ModelNotFound(f"The model {wanted!r} does not {_DOING[task]}.", model=wanted)
        for entry in self._entries.values():
            # A service on the network is used where it is asked for, never because it happens to be there.
            if entry.card.task == task and entry.card.family != "remote" and self._can_run(entry):
                return entry.card
        raise ModelUnavailable(f"No model on this machine can {_DOING[task]}.")

    @contextmanager
    def lease(self, card: ModelCard, mode: Mode | None = None) -> Iterator[Leased]:
        """The model loaded and kept in memory until the block ends.

        ``mode``: float32, or what the hardware is fastest at; without it what MODEL_PRECISION says. Both may be in
        memory at once. Models without weights know one mode only. Raises ``ModelUnavailable`` when weights or
        libraries are missing, ``RemoteNotSetUp``, ``ModelLoadFailed`` when loading fails.
        """
        entry = self._entry(card.engine)
        hardware = self._hardware
        if mode is not None and card.hub:
            hardware = replace(hardware, precision="exact" if mode == "exact" else "auto")
        held_as = f"{card.engine}{_SEPARATOR}{hardware.precision}"
        with self._pool.lease(held_as, lambda: self._load(entry, hardware, held_as)) as engine:
            yield Leased(card, engine, card.version + self._weighed[held_as], self._observe)

    def version(self, card: ModelCard) -> str:
        """The version a lease of that model would have; loads nothing, but may read the weights for their digest.

        Raises ``ModelUnavailable`` when they are missing.
        """
        entry = self._entry(card.engine)
        weights = self._weights.require(entry.card) if entry.card.hub else None
        return card.version + self._weight_version(entry, weights, self._hardware)

    def require(self, card: ModelCard) -> None:
        """Raise ``ModelUnavailable`` when the model's weights or libraries are missing, ``RemoteNotSetUp`` when it is
        a service that this server was not told how to reach; nothing is loaded."""
        entry = self._entry(card.name)
        if card.hub:
            self._weights.require(card)
        entry.require()

    def states(self, task: Task | None = None) -> list[ModelState]:
        """Every model of the task (of all tasks) as it stands."""
        loaded = self._loaded()
        return [self._state(entry.card, loaded) for entry in self._entries.values() if task in (None, entry.card.task)]

    def state(self, name: str) -> ModelState:
        return self._state(self.card(name), self._loaded())

    def device(self) -> str:
        """Where models run: "cpu", "cuda" or "mps". Where DEVICE names one that is not there, only the processor is."""
        try:
            return self._hardware.chosen_device()
        except ModelUnavailable:
            return "cpu"

    def missing_libraries(self, name: str) -> tuple[str, ...]:
        """Python libraries the model needs and this machine lacks."""
        return self._entry(name).missing_libraries()

    def setup_fault(self, name: str) -> str:
        """Why the model, a service elsewhere, cannot be asked by this server; empty where it can."""
        return self._entry(name).not_set_up

    def load(self, name: str) -> ModelState:
        """Load the model into memory, where it stays until it is unloaded, idle for long or crowded out."""
        with self.lease(self.card(name)):
            return self.state(name)

    def unload(self, name: str) -> bool:
        """Give the model's memory and its embeddings back; False when it was not loaded."""
        engine = self.card(name).engine
        self._forget({engine})
        held_as = [name for name in self._pool.loaded() if _engine_of(name) == engine]
        return sum(self._pool.unload(name) for name in held_as) > 0

    def sweep(self) -> None:
        """Unload models that nobody has used for long."""
        self._forget({_engine_of(name) for name in self._pool.sweep()})

    def _forget(self, engines: set[str]) -> None:
        """Drop the embeddings that these engines made."""
        models = {name for name, entry in self._entries.items() if entry.card.engine in engines}
        self._embeddings.forget(lambda key: key.model in models)

    def _entry(self, name: str) -> Entry:
        try:
            return self._entries[ALIASES.get(name, name)]
        except KeyError:
            names = list(self._entries)
            raise ModelNotFound(f"There is no model {name[:64]!r}. {_meant(name, names)}", models=names) from None

    def _has_weights(self, entry: Entry) -> bool:
        return not entry.card.hub or self._weights.find(entry.card) is not None

    def _can_run(self, entry: Entry) -> bool:
        return self._has_weights(entry) and not entry.missing_libraries()

    def _loaded(self) -> dict[str, int]:
        """Bytes held by each engine, in both modes together."""
        held: dict[str, int] = {}
        for name, size in self._pool.loaded().items():
            held[_engine_of(name)] = held.get(_engine_of(name), 0) + size
        return held

    def _load(self, entry: Entry, hardware: Hardware, held_as: str) -> Any:
        weights = self._weights.require(entry.card) if entry.card.hub else None
        entry.require()
        # Weights under the same name may be other ones tomorrow, so their digest is part of the version. It comes
        # first: what is damaged is not loaded.
        version = self._weight_version(entry, weights, hardware)
        with timed(self._observe, "load", entry.card.name):
            engine = entry.load(weights, hardware)
        self._weighed[held_as] = version
        return engine

    def _weight_version(self, entry: Entry, weights: Path | None, hardware: Hardware) -> str:
        return f"+{self._weights.digest(weights, entry.card)[:16]}+{hardware.precision}" if weights else ""

    def _state(self, card: ModelCard, loaded: Mapping[str, int]) -> ModelState:
        is_loaded, held = card.engine in loaded, loaded.get(card.engine, 0)
        if not card.hub:
            return ModelState(card, True, is_loaded, held)
        weights = self._weights.find(card)
        if weights is None:
            return ModelState(card, False, is_loaded, held)
        return ModelState(card, True, is_loaded, held, self._weights.known_digest(weights), weights.is_file())


def _meant(name: str, names: Sequence[str]) -> str:
    """Which models somebody who wrote that may have meant; a few of them where it is like none."""
    near = get_close_matches(name[:64].lower(), names, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    rest = len(names) - _FEW_NAMES
    return f"There are: {', '.join(names[:_FEW_NAMES])}{f', and {rest} more' if rest > 0 else ''}."


def _engine_of(held_as: str) -> str:
    return held_as.partition(_SEPARATOR)[0]
