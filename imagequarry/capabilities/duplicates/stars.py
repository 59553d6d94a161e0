"""Groups of like pictures as stars: every member is like its representative, so that no chain joins unlike ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.duplicates.pairs import Indices, Likeness, Pairs

_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Stars:
    """For each of N pictures its centre's index (its own for a centre, -1 for one that is like no centre), and how
    like that it is: similarity 0..1, and whether their hashes agree.
    """

    centre: Indices
    similarity: NDArray[np.float64]
    agreeing: NDArray[np.bool_]


class Neighbours(Protocol):
    """Who is like whom, asked in an order and only of pictures that are not covered when their turn comes."""

    def uncovered(self, order: Indices, covered: NDArray[np.bool_]) -> Iterator[tuple[int, Pairs]]:
        """Each picture of the order that is not covered by then, with its pairs, of which it is the first."""
        ...


class Listed:
    """Neighbours out of a list of pairs."""

    def __init__(self, pairs: Pairs, count: int) -> None:
        first = np.concatenate([pairs.first, pairs.second])
        order = np.argsort(first, kind="stable")
        self._pairs = Pairs(
            first[order],
            np.concatenate([pairs.second, pairs.first])[order],
            np.concatenate([pairs.similarity] * 2)[order],
            np.concatenate([pairs.agreeing] * 2)[order],
        )
        self._starts = np.searchsorted(self._pairs.first, np.arange(count + 1))

    def weights(self, weights: Indices) -> Indices:
        """For each picture the weight of those like it together."""
        sums = np.concatenate([[0], np.cumsum(weights[self._pairs.second])])
        found: Indices = sums[self._starts[1:]] - sums[self._starts[:-1]]
        return found

    def uncovered(self, order: Indices, covered: NDArray[np.bool_]) -> Iterator[tuple[int, Pairs]]:
        starts = self._starts.tolist()
        for index in order.tolist():
            if not covered[index]:
                yield index, self._pairs.only(slice(starts[index], starts[index + 1]))


class Computed:
    """Neighbours computed when asked for, where the pairs would be too many to list."""

    def __init__(self, likeness: Likeness) -> None:
        self._likeness = likeness

    def uncovered(self, order: Indices, covered: NDArray[np.bool_]) -> Iterator[tuple[int, Pairs]]:
        while (order := order[~covered[order]]).size:
            rows = np.sort(order[:_AHEAD])
            pairs = self._likeness.of(rows)
            for index in order[:_AHEAD].tolist():
                if not covered[index]:
                    yield index, pairs.only(pairs.first == index)
            order = order[_AHEAD:]


def stars(order: Indices, neighbours: Neighbours, count: int, best_first: bool) -> Stars:
    """Take pictures in an order as centres; each covers what is like it, and a covered one is no centre any more.

    A covered picture belongs to the centre that it is most like, of equal ones to the first; with ``best_first``,
    when a picture must not follow one that comes later in the order, to the most like of those before it.
    """
    found = Stars(np.full(count, -1), np.full(count, -1.0), np.zeros(count, dtype=bool))
    covered = np.zeros(count, dtype=bool)
    place = np.empty(count, dtype=np.intp)
    place[order] = np.arange(len(order))
    for centre, pairs in neighbours.uncovered(order, covered):
        covered[centre] = True
        covered[pairs.second] = True
        closer = pairs.similarity > found.similarity[pairs.second]
        if best_first:
            closer &= place[pairs.second] > place[centre]
        taken = pairs.second[closer]
        found.centre[taken] = centre
        found.similarity[taken] = pairs.similarity[closer]
        found.agreeing[taken] = pairs.agreeing[closer]
        found.centre[centre] = centre
        # No later centre can take a centre: none is like it, or this one would not have become one.
    return found
