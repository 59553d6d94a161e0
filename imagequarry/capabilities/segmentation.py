"""Segmentation of one picture: prompted by points and boxes, or everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imagequarry.domain.card import ModelCard
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Prompt
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import InvalidPrompt
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.registry import Leased, Registry

MAX_POINTS = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """The masks a model found, and its name; ``complete`` is False when a time limit ended the search early."""

    model: str
    candidates: tuple[Candidate, ...]
    complete: bool = True


class Segmentation:
    """Leases a model, embeds the picture once for all prompts on it, and asks."""

    def __init__(self, registry: Registry, embeddings: ByteCache[EmbeddingKey, Any]) -> None:
        self._registry = registry
        self._embeddings = embeddings

    def prompted(self, image: Raster, prompts: Sequence[Prompt], model: str | None = None, most: int = 3) -> Answer:
        """At most ``most`` candidates for each prompt, the best first, in the order of the prompts.

        Raises ``InvalidPrompt`` when a prompt is empty, contradicts itself or leaves the picture; ``ModelFailure``.
        """
        for prompt in prompts:
            check(prompt, image)
        with self._registry.lease(self._registry.choose(model, "segment")) as leased:
            embedding = self._embedding(image, leased)
            found = [c for prompt in prompts for c in leased.engine.predict(embedding, prompt)[:most]]
        return Answer(leased.card.name, tuple(found))

    def everything(
        self,
        image: Raster,
        named: Mapping[str, int | float | None] | None = None,
        model: str | None = None,
        watch: Watch | None = None,
    ) -> Answer:
        """Every region of the picture, the best first.

        ``named`` are the fields of ``Everything`` that the caller chose: they are obeyed by every engine; for the
        others, and those that are None, the engine's calibrated defaults hold.
        """
        card = self.card(model)
        chosen: dict[str, Any] = {name: value for name, value in (named or {}).items() if value is not None}
        wish = replace(card.everything, **chosen)
        with self._registry.lease(card) as leased:
            embedding = self._embedding(image, leased)
            found = leased.engine.everything(image, embedding, wish, watch or Unwatched())
        return Answer(card.name, tuple(found.candidates), found.complete)

    def card(self, model: str | None) -> ModelCard:
        """The card of the model that would answer. Raises ``ModelNotFound``, ``ModelUnavailable``."""
        return self._registry.choose(model, "segment")

    def _embedding(self, image: Raster, leased: Leased) -> Any:
        key = EmbeddingKey(image.digest, leased.card.name, leased.card.version)
        return self._embeddings.get(key, lambda: leased.engine.embed(image))


def check(prompt: Prompt, image: Raster) -> None:
    """Refuse what makes no prompt on this picture, in a sentence that says what was wrong."""
    if not prompt.points and prompt.box is None:
        raise InvalidPrompt("A prompt needs at least one point or a box.")
    if len(prompt.points) > MAX_POINTS:
        raise InvalidPrompt(f"A prompt may have {MAX_POINTS} points at most; these are {len(prompt.points)}.")
    if len(prompt.points) != len(prompt.labels):
        raise InvalidPrompt(
            f"There are {len(prompt.points)} points but {len(prompt.labels)} labels; each point needs one."
        )
    if unknown := [label for label in prompt.labels if label not in (0, 1)]:
        raise InvalidPrompt(f"Labels are 1 (foreground) or 0 (background), not {unknown[0]!r}.")
    size = f"the picture is {image.width} x {image.height} pixels"
    for point in prompt.points:
        if not point.inside(image.width, image.height):
            raise InvalidPrompt(f"The point ({point.x:g}, {point.y:g}) lies outside: {size}.")
    if prompt.box is not None and not prompt.box.inside(image.width, image.height):
        box = prompt.box
        raise InvalidPrompt(
            f"The box from ({box.x0:g}, {box.y0:g}) to ({box.x1:g}, {box.y1:g}) is empty or lies outside: {size}."
        )
