"""Segmentation of one picture: prompted by points and boxes, or everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from imagequarry.capabilities.embeddings import Embeddings
from imagequarry.domain.card import ModelCard
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Candidates, Everything, Found, KeepsCandidates, Prompt
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import InvalidPrompt
from imagequarry.models.cache import ByteCache, CacheFigures, EmbeddingKey
from imagequarry.models.registry import Leased, Registry
from imagequarry.models.turns import Turns

MAX_POINTS = 256

# A kept search looks this far below the usual thresholds, so that a caller who lowers them need not wait again.
_KEPT_IOU = 0.6
_KEPT_STABILITY = 0.6


@dataclass(frozen=True, slots=True)
class Answer:
    """The masks a model found, and its name; ``complete`` is False when a time limit ended the search early."""

    model: str
    candidates: tuple[Candidate, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class SearchKey:
    """What a kept search depends on: picture and model, the grid, and how far down it looked."""

    embedding: EmbeddingKey
    points_per_side: int
    crop_n_layers: int
    crop_n_points_downscale_factor: int
    pred_iou_thresh: float
    stability_score_thresh: float


class Segmentation:
    """Leases a model, embeds the picture once for all prompts on it, and asks."""

    def __init__(
        self, registry: Registry, embeddings: Embeddings, searches: ByteCache[SearchKey, Candidates], turns: Turns
    ) -> None:
        self._registry = registry
        self._embeddings = embeddings
        self._searches = searches
        self._turns = turns

    def prompted(self, image: Raster, prompts: Sequence[Prompt], model: str | None = None, most: int = 3) -> Answer:
        """At most ``most`` candidates for each prompt, the best first, in the order of the prompts.

        Raises ``InvalidPrompt`` when a prompt is empty, contradicts itself or leaves the picture; ``ModelFailure``.
        """
        for prompt in prompts:
            check(prompt, image)
        with self._registry.lease(self.card(model)) as leased, self._turns.click():
            embedding = self._embeddings.of(image, leased)
            with leased.timed("prompt"):
                found = [c for prompt in prompts for c in leased.engine.predict(embedding, prompt)[:most]]
        return Answer(leased.card.name, tuple(found))

    def named(self, image: Raster, words: str, model: str | None = None) -> Answer:
        """Everything in the picture that the words name, the surest first. Raises ``InvalidPrompt``, ``ModelFailure``.

        Without a model's name the one that takes words; a model that segments may be named where it shares its
        weights with one that takes words.
        """
        card = self.words_card(model)
        with self._registry.lease(card) as leased, self._turns.click():
            embedding = self._embeddings.of(image, leased)
            with leased.timed("words"):
                found = leased.engine.find(embedding, words)
        return Answer(card.name, tuple(found))

    def words_card(self, model: str | None) -> ModelCard:
        """The card of the model that would answer words. Raises ``ModelNotFound``, ``ModelUnavailable``."""
        for state in self._registry.states("segment-by-words"):
            if model in (None, state.card.name, state.card.shares):
                self._registry.require(state.card)
                return state.card
        raise InvalidPrompt(f"The model {model!r} does not take words; sam3 does.")

    def everything(
        self,
        image: Raster,
        named: Mapping[str, int | float | str | None] | None = None,
        model: str | None = None,
        watch: Watch | None = None,
    ) -> Answer:
        """Every region of the picture, the best first.

        ``named`` are the fields of ``Everything`` that the caller chose: they are obeyed by every engine; for the
        others, and those that are None, the engine's calibrated defaults hold. ``mode`` among them is "exact"
        (float32, the masks of the reference) or "fast" (bfloat16 where the hardware is good at it). Raises
        ``ModelFailure``, ``Cancelled``.
        """
        card = self.card(model)
        chosen: dict[str, Any] = {name: value for name, value in (named or {}).items() if value is not None}
        mode = chosen.pop("mode", None)
        wish = replace(card.everything, **chosen)
        with self._registry.lease(card, mode) as leased:
            found = self._search(image, leased, wish, watch or Unwatched())
        return Answer(card.name, tuple(found.candidates), found.complete)

    def prepare(self, image: Raster, model: str | None = None) -> None:
        """Embed the picture, so that the first prompt on it need not wait for that."""
        with self._registry.lease(self.card(model)) as leased:
            self._embeddings.of(image, leased)

    def card(self, model: str | None) -> ModelCard:
        """The card of the model that would answer. Raises ``ModelNotFound``, ``ModelUnavailable``."""
        return self._registry.choose(model, "segment")

    def ready(self, model: str | None) -> ModelCard:
        """The same, and refused now rather than later when it cannot run here. Raises ``ModelUnavailable``."""
        card = self.card(model)
        self._registry.require(card)
        return card

    def cache_figures(self) -> dict[str, CacheFigures]:
        """How the embeddings in memory and the kept searches are doing, by these names."""
        return {"embeddings": self._embeddings.figures(), "searches": self._searches.figures()}

    def _search(self, image: Raster, leased: Leased, wish: Everything, watch: Watch) -> Found:
        engine = leased.engine
        if not isinstance(engine, KeepsCandidates):
            # Waiting for an answer from elsewhere takes no processor from anybody, and so no turn.
            remote = leased.card.family == "remote"
            turn: AbstractContextManager[Watch] = nullcontext(watch) if remote else self._turns.search(watch)
            with turn as polite:
                embedding = self._embeddings.of(image, leased)
                with leased.timed("everything"):
                    found: Found = engine.everything(image, embedding, wish, polite)
                return found
        wider = replace(wish, **_kept_thresholds(wish), max_time_ms=None)
        key = _search_key(leased.key(image.digest), wider)
        if wish.max_time_ms is None:
            kept = self._searches.get(key, lambda: self._candidates(image, leased, wider, watch), watch.check)
            return kept.answer(wish)
        known = self._searches.peek(key)
        return (known if known is not None else self._candidates(image, leased, wish, watch)).answer(wish)

    def _candidates(self, image: Raster, leased: Leased, wish: Everything, watch: Watch) -> Candidates:
        with self._turns.search(watch) as polite:
            embedding = self._embeddings.of(image, leased)
            with leased.timed("everything"):
                found: Candidates = leased.engine.candidates(image, embedding, wish, polite)
            return found


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


def _kept_thresholds(wish: Everything) -> dict[str, Any]:
    return {
        "pred_iou_thresh": min(wish.pred_iou_thresh, _KEPT_IOU),
        "stability_score_thresh": min(wish.stability_score_thresh, _KEPT_STABILITY),
    }


def _search_key(embedding: EmbeddingKey, wish: Everything) -> SearchKey:
    return SearchKey(
        embedding,
        wish.points_per_side,
        wish.crop_n_layers,
        wish.crop_n_points_downscale_factor if wish.crop_n_layers else 1,
        wish.pred_iou_thresh,
        wish.stability_score_thresh,
    )
