"""Duplicates among the pictures that are kept: the capability, over the stores and the model of image vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from imagequarry.capabilities.duplicates import comparing
from imagequarry.capabilities.duplicates.comparing import Comparison
from imagequarry.capabilities.duplicates.grouping import Pictures, grouped
from imagequarry.capabilities.duplicates.hashing import (
    AGREEING_BITS,
    HASH_BYTES,
    TRANSFORMS,
    Transform,
    Words,
    transforms,
    turned,
    turned_hashes,
    words,
)
from imagequarry.capabilities.duplicates.matches import Groups, Match, Plan, best_first, check
from imagequarry.capabilities.duplicates.pairs import similarity
from imagequarry.capabilities.spaces import Encoder, Spaces
from imagequarry.domain.described import Space
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import StoredImage
from imagequarry.errors import ModelUnavailable
from imagequarry.stores.description_scans import DescriptionScans
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.vectors import Vectors

MOST_MATCHES = 1000

_PAGE = 4096
_ROUNDING = 1e-6


class Duplicates:
    """Finds duplicates among the pictures that are described; what is described meanwhile may be missed.

    Every threshold is compared with ``pairs.similarity`` and is a number 0..1, else ``InvalidInput`` is raised.
    All methods raise ``ModelUnavailable`` where no model makes vectors of pictures, ``ModelFailure``,
    ``StorageFailure``.
    """

    def __init__(self, spaces: Spaces, descriptions: Descriptions, scans: DescriptionScans, vectors: Vectors) -> None:
        self._spaces = spaces
        self._descriptions = descriptions
        self._scans = scans
        self._vectors = vectors

    def groups(self, threshold: float = 0.95, among: Sequence[str] | None = None, keep_first: bool = True) -> Groups:
        """Groups round a representative, among all pictures or those with these ids: see ``grouping.grouped``."""
        check(threshold)
        with self._encoder() as encoder:
            space = encoder.space
        return grouped(self._pictures(space, among), threshold, keep_first)

    def removal_plan(
        self, threshold: float = 0.98, keep_first: bool = True, among: Sequence[str] | None = None
    ) -> Plan:
        """What a removal would take away and what would stay: of each group the representative."""
        found = self.groups(threshold, among, keep_first)
        return Plan(found.total_images, found.groups)

    def of_picture(
        self,
        raster: Raster,
        threshold: float = 0.95,
        among: Collection[str] | None = None,
        leave_out: Collection[str] = (),
    ) -> list[Match]:
        """The duplicates of a picture that need not be kept, also mirrored and turned ones; 1,000 at most, the most
        like first.
        """
        check(threshold)
        ids = None if among is None else list(dict.fromkeys(among))
        turns = self._agreeing(words(turned_hashes(raster)), ids)
        with self._encoder() as encoder:
            used = sorted({"none", *turns.values()}, key=TRANSFORMS.index)
            asked = dict(zip(used, encoder.encode([turned(raster, turn) for turn in used]), strict=True))
            space = encoder.space
        floor = max(threshold - _ROUNDING, 0.0)
        (hits,) = self._vectors.nearest(space, asked["none"][None], MOST_MATCHES, among=ids, min_score=floor)
        scores = {hit.image_id: float(similarity(hit.score, False)) for hit in hits}
        for page in _pages(list(turns)):
            for id, vector in self._vectors.fetch(space, page).items():
                scores[id] = max(scores.get(id, 0.0), float(similarity(vector @ asked[turns[id]], True)))
        likely = [id for id, score in scores.items() if score >= threshold and id not in leave_out]
        digests = {image.id: image.digest for image in self._images(likely)}
        matches = [_match(id, digests[id] == raster.digest, scores[id], turns.get(id)) for id in digests]
        return sorted(matches, key=best_first)[:MOST_MATCHES]

    def compare(self, first: Raster, second: Raster, threshold: float = 0.95) -> Comparison:
        """Two pictures, kept or not, measured against each other; the threshold decides the verdict only."""
        check(threshold)
        with self._encoder() as encoder:
            return comparing.compared(first, second, encoder.encode, threshold)

    def _agreeing(self, asked: Words, among: Sequence[str] | None) -> dict[str, Transform]:
        """The pictures whose hashes agree with one of the asked picture, by id, and which of them it was."""
        found: dict[str, Transform] = {}
        for ids, hashes in self._scans.perceptual_hashes(among):
            chosen, distance = transforms(asked, hashes.view(np.uint64))
            for at in np.flatnonzero(distance <= AGREEING_BITS).tolist():
                found[ids[at]] = TRANSFORMS[chosen[at]]
        return found

    def _pictures(self, space: Space, among: Sequence[str] | None) -> Pictures:
        hashes = {
            id: row for ids, rows in self._scans.perceptual_hashes(among) for id, row in zip(ids, rows, strict=True)
        }
        images = list(self._images(list(hashes) if among is None else list(dict.fromkeys(among))))
        place = {image.id: row for row, image in enumerate(images)}
        packed = np.zeros((len(images), HASH_BYTES), dtype=np.uint8)
        for row, image in enumerate(images):
            if image.id in hashes:
                packed[row] = hashes[image.id]
        vectors = np.zeros((len(images), space.dimension), dtype=np.float32)
        for ids, found in self._vectors_of(space, None if among is None else list(place)):
            known = [at for at, id in enumerate(ids) if id in place]
            vectors[[place[ids[at]] for at in known]] = found[known]
        return Pictures(images, vectors, packed.view(np.uint64))

    def _vectors_of(self, space: Space, among: Sequence[str] | None) -> Iterator[tuple[list[str], Any]]:
        if among is None:
            yield from self._vectors.scan(space, _PAGE)
            return
        for page in _pages(among):
            if found := self._vectors.fetch(space, page):
                yield list(found), np.stack(list(found.values()))

    def _images(self, ids: Sequence[str]) -> Iterator[StoredImage]:
        """The records of those of the pictures that are still there and described."""
        for page in _pages(ids):
            for known in self._descriptions.many(page).values():
                if known.description is not None:
                    yield known.image

    @contextmanager
    def _encoder(self) -> Iterator[Encoder]:
        with self._spaces.encoder("picture") as encoder:
            if encoder is None:
                raise ModelUnavailable("No model on this machine makes vectors of pictures.")
            yield encoder


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _PAGE):
        yield ids[start : start + _PAGE]


def _match(id: str, identical: bool, score: float, turn: Transform | None) -> Match:
    if identical:
        return Match(id, 1.0, "identical")
    return Match(id, score, "similar") if turn is None else Match(id, score, "re-encoded", turn)
