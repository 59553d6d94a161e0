"""Loading the models of every task ahead of the first request that needs them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from imagequarry.domain.card import ModelCard, Task
from imagequarry.domain.describing import TimesItsLoading
from imagequarry.errors import ModelUnavailable
from imagequarry.models.registry import Registry

DESCRIBING: tuple[Task, ...] = ("text-vectors", "caption", "image-vectors", "objects")


@dataclass(frozen=True, slots=True)
class Loading:
    """Seconds that loading took: that of the ``processor``, which prepares what the ``model`` reads, and its own."""

    processor: float
    model: float


class Preloading:
    """Knows which model does each task, and brings them into memory."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def serving(self) -> dict[Task, ModelCard | None]:
        """The model that does each describing task where nobody chooses; None where no model here can."""
        return {task: self._card(task) for task in DESCRIBING}

    def loaded(self) -> dict[Task, bool]:
        """Whether the model of each describing task is in memory."""
        in_memory = {state.card.engine for state in self._registry.states() if state.loaded}
        return {task: card is not None and card.engine in in_memory for task, card in self.serving().items()}

    def load(self) -> Mapping[Task, Loading]:
        """Load the model of each describing task that has one, and of segmentation; what is loaded takes no time.

        Raises ``ModelUnavailable`` where a model was chosen that cannot run here, and ``ModelLoadFailed``.
        """
        took: dict[Task, Loading] = {}
        for task, card in {**self.serving(), "segment": self._registry.choose(None, "segment")}.items():
            if card is not None:
                took[task] = self._loaded(card)
        return took

    def _card(self, task: Task) -> ModelCard | None:
        try:
            return self._registry.choose(None, task)
        except ModelUnavailable:
            return None

    def _loaded(self, card: ModelCard) -> Loading:
        if self._registry.state(card.name).loaded:
            return Loading(0.0, 0.0)
        started = time.perf_counter()
        with self._registry.lease(card) as leased:
            took = time.perf_counter() - started
            parts = leased.engine.load_seconds if isinstance(leased.engine, TimesItsLoading) else {}
        processor = min(parts.get("processor", 0.0), took)
        return Loading(processor, took - processor)
