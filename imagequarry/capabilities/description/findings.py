"""Asking the models: what they find in a batch of pictures, and which models those are today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.spaces import TASKS, encode, space_of
from imagequarry.domain.card import ModelCard
from imagequarry.domain.described import Space, SpaceKind
from imagequarry.domain.describing import Tag
from imagequarry.domain.raster import Raster
from imagequarry.errors import Cancelled, ModelFailure, ModelLoadFailed, ModelUnavailable, OutOfMemory, QuarryError
from imagequarry.models.registry import Registry

Vector = NDArray[np.float32]
T = TypeVar("T")

# These are no fault of the picture that was asked about.
_OF_NO_PICTURE = (ModelUnavailable, ModelLoadFailed, Cancelled)


@dataclass(frozen=True, slots=True)
class Findings:
    """What models found in one picture: words with the models' names, and its vector in each space, by their keys."""

    caption: str
    objects: tuple[Tag, ...]
    captioned_by: str
    tagged_by: str
    vectors: tuple[tuple[Space, Vector], ...] = field(repr=False)


class DescribingModels:
    """Leases the model of each task for a batch at a time; which ones is the registry's choice."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: dict[SpaceKind, tuple[str, Space]] = {}

    def speakers(self) -> tuple[str, str]:
        """The models that write captions and name objects today. Raises ``ModelUnavailable``."""
        return self._registry.choose(None, "caption").name, self._registry.choose(None, "objects").name

    def card(self, kind: SpaceKind) -> ModelCard | None:
        """The model that makes vectors of that kind today; None where no model on this machine can."""
        try:
            return self._registry.choose(None, TASKS[kind])
        except ModelUnavailable:
            return None

    def spaces(self) -> tuple[Space, ...]:
        """The spaces of today's models, in the order of their keys. A model that was never used is loaded for this."""
        return tuple(sorted(filter(None, map(self.space, TASKS)), key=lambda space: space.key))

    def space(self, kind: SpaceKind) -> Space | None:
        """The space of today's model of that kind, None where there is none."""
        card = self.card(kind)
        if card is None:
            return None
        name, space = self._seen.get(kind, ("", None))
        if space is not None and name == card.name:
            return space
        with self._registry.lease(card) as leased:
            self._seen[kind] = card.name, space_of(kind, leased)
            return self._seen[kind][1]

    def versioned(self, kind: SpaceKind) -> str | None:
        """How the keys of today's space of that kind begin, without loading the model; None where there is none.

        May read the weights, for their digest.
        """
        card = self.card(kind)
        return f"{kind}:{card.name}:{self._registry.version(card)}:" if card else None

    def find(self, rasters: Sequence[Raster]) -> list[Findings | ModelFailure]:
        """What today's models find in each picture, or why they could not say: one of them spoils no other.

        Raises ``ModelUnavailable`` and ``ModelLoadFailed``.
        """
        return one_by_one(self._found, rasters)

    def encode(self, kind: SpaceKind, inputs: Sequence[Raster] | Sequence[str]) -> tuple[Space, list[Vector]]:
        """The vector of each picture or text. Raises ``ModelUnavailable``, ``ModelLoadFailed``."""
        with self._registry.lease(self._registry.choose(None, TASKS[kind])) as leased:
            space = space_of(kind, leased)
            self._seen[kind] = leased.card.name, space
            return space, list(encode(kind, leased, inputs))

    def _found(self, rasters: Sequence[Raster]) -> list[Findings]:
        captioner, captions = self._asked("caption", "captions", rasters)
        tagger, tags = self._asked("objects", "tags", rasters)
        encoded = [self.encode("picture", rasters)]
        if self.card("text") is not None:
            encoded.append(self.encode("text", [text_of(*said) for said in zip(captions, tags, strict=True)]))
        encoded.sort(key=lambda pair: pair[0].key)
        return [
            Findings(caption, tuple(objects), captioner, tagger, tuple((space, rows[n]) for space, rows in encoded))
            for n, (caption, objects) in enumerate(zip(captions, tags, strict=True))
        ]

    def _asked(self, task: Literal["caption", "objects"], question: str, rasters: Sequence[Raster]) -> tuple[str, Any]:
        with self._registry.lease(self._registry.choose(None, task)) as leased, leased.timed(task):
            return leased.card.name, getattr(leased.engine, question)(rasters)


def text_of(caption: str, objects: Sequence[Tag]) -> str:
    """The words of a picture as one text, as it is turned into a vector."""
    return f"{caption}. {', '.join(tag.name for tag in objects)}" if objects else caption


def one_by_one(ask: Callable[[Sequence[Raster]], list[T]], rasters: Sequence[Raster]) -> list[T | ModelFailure]:
    """The answers for all pictures at once; where that fails for each alone, so that only the guilty goes without."""
    try:
        return list(ask(rasters))
    except _OF_NO_PICTURE:
        raise
    except Exception as error:  # noqa: BLE001 - foreign code on strangers' pictures raises what it likes
        if len(rasters) > 1:
            return [answer for raster in rasters for answer in one_by_one(ask, [raster])]
        return [_failure(error)]


def _failure(error: Exception) -> ModelFailure:
    if isinstance(error, ModelFailure):
        return error
    if isinstance(error, MemoryError):
        failure: ModelFailure = OutOfMemory()
    elif isinstance(error, QuarryError):
        failure = ModelFailure(error.message)
    else:
        failure = ModelFailure("The model could not describe this picture.")
    failure.__cause__ = error
    return failure
