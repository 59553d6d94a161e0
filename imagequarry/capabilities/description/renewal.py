"""Vectors by today's models for what was described by yesterday's, so that a change of model loses no picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from imagequarry.capabilities.description.findings import DescribingModels, Vector, one_by_one, text_of
from imagequarry.capabilities.intake import Limits, open_picture
from imagequarry.capabilities.spaces import TASKS
from imagequarry.domain.described import DescribedImage, Space, SpaceKind
from imagequarry.domain.records import StoredImage
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import Conflict, ImageNotFound, InvalidPicture, ModelFailure, StorageFailure
from imagequarry.models.turns import Turns
from imagequarry.stores.description_scans import DescriptionScans
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.library import Library
from imagequarry.stores.vectors import Vectors

_log = structlog.stdlib.get_logger(__name__)

Inputs = list[tuple[DescribedImage, Any]]


@dataclass(frozen=True, slots=True)
class Renewed:
    """How many vectors were made, how many pictures could not be read again, and which old spaces went."""

    made: int
    failed: int
    dropped: tuple[str, ...]


class Renewal:
    """Fills the spaces of today's models; a space of another model goes when today's of its kind lacks no picture.

    Words are not written anew. ``batch`` pictures are encoded at once.
    """

    def __init__(
        self,
        models: DescribingModels,
        library: Library,
        descriptions: Descriptions,
        scans: DescriptionScans,
        vectors: Vectors,
        limits: Limits,
        turns: Turns,
        batch: int = 8,
    ) -> None:
        self._models = models
        self._library = library
        self._descriptions = descriptions
        self._scans = scans
        self._vectors = vectors
        self._limits = limits
        self._turns = turns
        self._batch = batch

    def needed(self) -> bool:
        """Whether a vector is missing or of another model; loads none, but may read the weights for their digest."""
        if self._descriptions.count() == 0:
            return False
        stored = self._vectors.spaces()
        return any(self._is_behind(kind, [key for key in stored if key.startswith(f"{kind}:")]) for kind in TASKS)

    def run(self, watch: Watch | None = None) -> Renewed:
        """Make what is missing, page by page. What is made stays when this ends early.

        Raises ``ModelUnavailable``, ``ModelLoadFailed``, ``StorageFailure``, ``Busy``, ``Cancelled``.
        """
        watch = watch or Unwatched()
        made = failed = 0
        dropped: list[str] = []
        for kind in TASKS:
            space = self._models.space(kind)
            if space is None:
                continue
            counts = self._filled(space, watch)
            made, failed = made + counts[0], failed + counts[1]
            if not self._scans.without_vector(space.key, 1):
                dropped += self._drop_all_but(space)
        return Renewed(made, failed, tuple(dropped))

    def _is_behind(self, kind: SpaceKind, stored: Sequence[str]) -> bool:
        begin = self._models.versioned(kind)
        if begin is None:
            return False
        current = [key for key in stored if key.startswith(begin)]
        return len(current) != len(stored) or not current or bool(self._scans.without_vector(current[0], 1))

    def _filled(self, space: Space, watch: Watch) -> tuple[int, int]:
        """How many pictures got a vector in the space, and how many could not."""
        total = max(1, self._descriptions.count())
        had = self._vectors.count(space)
        read = self._pictures if space.kind == "picture" else _texts
        made = failed = 0
        after = ""
        while ids := self._scans.without_vector(space.key, self._batch, after):
            watch.check()
            after = ids[-1]
            self._turns.give_way()
            inputs = read(list(self._descriptions.many(ids).values()))
            encoded = one_by_one(lambda some: self._models.encode(space.kind, some)[1], [what for _, what in inputs])
            kept = sum(self._keep(space, known, vector) for (known, _), vector in zip(inputs, encoded, strict=True))
            made, failed = made + kept, failed + len(ids) - kept
            watch.progress(min(1.0, (had + made + failed) / total), f"{space.kind} vectors: {made} made")
        return made, failed

    def _keep(self, space: Space, known: DescribedImage, vector: Vector | ModelFailure) -> bool:
        if isinstance(vector, ModelFailure):
            _log.warning("a picture could not be encoded", image_id=known.image.id, reason=vector.message)
            return False

        def also(connection: Any, kept: StoredImage) -> None:
            self._vectors.put(connection, space, [(kept.id, vector)])

        try:
            self._library.describe(known.image, also)
        except (ImageNotFound, Conflict):  # deleted or changed meanwhile
            return False
        return True

    def _pictures(self, known: Sequence[DescribedImage]) -> Inputs:
        inputs: Inputs = []
        for picture in known:
            try:
                inputs.append((picture, open_picture(self._library.read(picture.image.id)[1], self._limits).raster))
            except (ImageNotFound, InvalidPicture, StorageFailure) as error:
                _log.warning("a picture could not be read again", image_id=picture.image.id, reason=error.message)
        return inputs

    def _drop_all_but(self, space: Space) -> list[str]:
        old = [key for key in self._vectors.spaces() if key.startswith(f"{space.kind}:") and key != space.key]
        for key in old:
            self._vectors.drop(key)
        return old


def _texts(known: Sequence[DescribedImage]) -> Inputs:
    said = [(picture, picture.description) for picture in known]
    return [(picture, text_of(words.caption, words.objects)) for picture, words in said if words is not None]
