"""Bringing a model's weights to this machine, for who keeps the server and for jobs."""

from __future__ import annotations

from collections.abc import Callable

from imagequarry.domain.card import ModelCard
from imagequarry.domain.watch import Watch
from imagequarry.errors import InvalidInput
from imagequarry.models.pulling import Puller
from imagequarry.models.registry import Registry

_MB = 1_000_000


class Pulling:
    """Pulls by name. ``puller`` is asked each time; it raises ``ModelUnavailable`` where nothing may be pulled."""

    def __init__(self, registry: Registry, puller: Callable[[], Puller]) -> None:
        self._registry = registry
        self._puller = puller

    def ready(self, name: str) -> ModelCard:
        """The model's card, refused now rather than later when its weights cannot be pulled.

        Raises ``ModelNotFound``, ``InvalidInput`` for a model without weights, ``ModelUnavailable``.
        """
        card = self._registry.card(name)
        if not card.hub:
            raise InvalidInput(f"{card.name!r} needs no weights; there is nothing to pull.")
        self._puller()
        return card

    def pull(self, name: str, watch: Watch) -> bool:
        """Get the model's files, and say how far that is; False when they were here already.

        Raises what ``ready`` and ``Puller.pull`` raise, and what ``watch`` raises: what arrived then is kept for the
        next try.
        """
        card = self.ready(name)
        here: dict[str, tuple[int, int]] = {}

        def tell(file: str, done: int, total: int) -> None:
            here[file] = done, total
            arrived = sum(part for part, _ in here.values())
            # How large the files are that have not begun is not known; the card knows about how large all are.
            expected = max(sum(whole for _, whole in here.values()), card.size_mb * _MB, 1)
            said = f"{file}: {done / _MB:.1f} of {total / _MB:.1f} MB"
            watch.progress(min(arrived / expected, 0.99), said)

        return self._puller().pull(card, tell)
