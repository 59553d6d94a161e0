"""Groups of duplicates among many pictures: copies of one file first, then stars of what looks alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.duplicates.hashing import Words
from imagequarry.capabilities.duplicates.matches import Group, Groups, Match, best_first, check
from imagequarry.capabilities.duplicates.pairs import MOST_PAIRS, Indices, Likeness
from imagequarry.capabilities.duplicates.stars import Computed, Listed, Stars, stars
from imagequarry.domain.describing import Vectors
from imagequarry.domain.records import StoredImage


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures to look for duplicates among: ``vectors`` (N, D), a row of zeros where there is none, and ``hashes``
    (N, 4), zeros where there is none.
    """

    images: Sequence[StoredImage] = field(repr=False)
    vectors: Vectors = field(repr=False)
    hashes: Words = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class _Contents:
    """The different contents among the pictures: those with a vector first, each part by the quality of the best.

    ``copies`` are the rows of each, the best first; ``rows`` a row with the vector, for those that have one.
    """

    copies: list[list[int]]
    rows: Indices

    @property
    def weights(self) -> Indices:
        return np.array([len(rows) for rows in self.copies], dtype=np.intp)


def quality(image: StoredImage) -> tuple[int, int, float, str]:
    """A key to sort by: more pixels, then the larger file, then the older record, then the smaller id first."""
    return -image.width * image.height, -image.size_bytes, image.created_at.timestamp(), image.id


def grouped(pictures: Pictures, threshold: float, keep_first: bool = True, most: int = MOST_PAIRS) -> Groups:
    """Stars round representatives: each member's similarity to its representative reaches the threshold.

    Representatives are taken by the number of pictures like them, then by ``quality``; with ``keep_first`` false, or
    when more than ``most`` pairs are alike, by ``quality`` alone. Without ``keep_first`` no member is better than its
    representative. The order of the pictures makes no difference. Raises ``InvalidInput``.
    """
    check(threshold)
    contents = _contents(pictures)
    found = _starred(pictures, contents, threshold, keep_first, most)
    members: dict[int, list[Match]] = {}
    for at in np.flatnonzero(found.centre >= 0).tolist():
        centre = int(found.centre[at])
        ids = [pictures.images[row].id for row in contents.copies[at]]
        if at == centre:
            matches = [Match(id, 1.0, "identical") for id in ids[1:]]
        else:
            score = float(found.similarity[at])
            matches = [Match(id, score, "re-encoded" if found.agreeing[at] else "similar") for id in ids]
        members.setdefault(centre, []).extend(matches)
    groups = [
        Group(pictures.images[contents.copies[centre][0]].id, tuple(sorted(matches, key=best_first)))
        for centre, matches in members.items()
        if matches
    ]
    groups.sort(key=lambda group: (-len(group.members), group.representative))
    return Groups(len(pictures), tuple(groups))


def _contents(pictures: Pictures) -> _Contents:
    by_digest: dict[str, list[int]] = {}
    for row in sorted(range(len(pictures)), key=lambda row: quality(pictures.images[row])):
        by_digest.setdefault(pictures.images[row].digest, []).append(row)
    comparable = _comparable(pictures.vectors).tolist()
    with_vector, without, rows = [], [], []
    for copies in by_digest.values():
        if usable := [row for row in copies if comparable[row]]:
            with_vector.append(copies)
            rows.append(usable[0])
        else:
            without.append(copies)
    return _Contents(with_vector + without, np.array(rows, dtype=np.intp))


def _comparable(vectors: Vectors) -> NDArray[np.bool_]:
    """Which rows are vectors of length 1; one with a number that is none is not."""
    found: NDArray[np.bool_] = np.abs(np.einsum("nd,nd->n", vectors, vectors) - 1) < 0.01
    return found


def _starred(pictures: Pictures, contents: _Contents, threshold: float, keep_first: bool, most: int) -> Stars:
    likeness = Likeness(pictures.vectors, pictures.hashes[contents.rows], threshold, contents.rows)
    pairs = likeness.pairs(most)
    count, weights = len(contents.copies), contents.weights
    # Contents are numbered by quality, so that rising numbers are that order.
    if pairs is None:
        found = stars(np.arange(len(contents.rows)), Computed(likeness), count, best_first=not keep_first)
        found.centre[len(contents.rows) :] = np.arange(len(contents.rows), count)
        return found
    neighbours = Listed(pairs, count)
    like = neighbours.weights(weights) + weights - 1
    turns = np.flatnonzero(like)
    if keep_first:
        turns = turns[np.lexsort((turns, -like[turns]))]
    return stars(turns, neighbours, count, best_first=not keep_first)
