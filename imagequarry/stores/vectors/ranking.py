"""From products in float32 to hits: candidates first, then their exact order by the vectors that the table holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from imagequarry.domain.described import Hit, Space
from imagequarry.errors import InvalidInput
from imagequarry.stores.vectors import truth
from imagequarry.stores.vectors.interface import Matrix
from imagequarry.stores.vectors.truth import Numbers

# Below any cosine, and above what stands for a row that does not count.
_ANY = -2.0
# Asked for beyond what is wanted, so that a few rows deleted since do not mean a second product.
_SPARE = 8
# More pictures than any library has, and still a number for a database.
_FARTHEST = 2**31 - 1
# Queries in one product, and candidates in one reading of the table.
_QUERIES = 64
_CANDIDATES = 16_384


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the nearest pictures are wanted. Raises InvalidInput for what is no page."""

    k: int
    offset: int
    min_score: float | None

    def __post_init__(self) -> None:
        if self.k < 0 or self.offset < 0:
            raise InvalidInput("How many pictures are wanted, and after how many, cannot be negative.")
        if self.min_score is not None and not np.isfinite(self.min_score):
            raise InvalidInput("The least score must be a finite number.")

    @property
    def reach(self) -> int:
        """How many pictures must be known to cut the page out of them."""
        return min(self.k + self.offset, _FARTHEST)

    @property
    def floor(self) -> float:
        return _ANY if self.min_score is None else self.min_score


@dataclass(frozen=True, slots=True)
class Block:
    """Vectors to be compared in one product: numbers (n,), vectors (n, D), and True where a row does not count."""

    numbers: Numbers
    vectors: Matrix
    hidden: NDArray[np.bool_] | None = None


def read(connection: Connection, space: Space, allowed: Numbers | None) -> Iterator[Block]:
    """All rows, or those with the allowed numbers, straight from the table, a part at a time."""
    if allowed is None:
        for numbers, _, vectors in truth.batches(connection, space):
            yield Block(numbers, vectors)
        return
    for start in range(0, len(allowed), truth.BATCH):
        numbers, _, vectors = truth.by_number(connection, space, allowed[start : start + truth.BATCH])
        yield Block(numbers, vectors)


def portions(queries: Matrix, page: Page) -> Iterator[Matrix]:
    """The queries in parts that bound the memory of a product and of its candidates."""
    size = max(1, min(_QUERIES, _CANDIDATES // page.reach))
    for start in range(0, len(queries), size):
        yield queries[start : start + size]


def compare(connection: Connection, space: Space, queries: Matrix, blocks: Iterable[Block], page: Page) -> Ranked:
    """The page for each query, out of these blocks."""
    count = page.reach + _SPARE
    return ranked(connection, space, queries, candidates(blocks, queries, count, page.floor), count, page)


def sift(
    connection: Connection,
    space: Space,
    queries: Matrix,
    blocks: Iterable[Block],
    page: Page,
    objects: Sequence[str],
    share: float,
) -> Ranked:
    """As ``compare``, out of the pictures that show any of the objects, which are about such a share of all: so many
    more candidates are taken that the page will be among those that are left."""
    count = int((1.5 * page.reach + 2 * _SPARE) / share)
    return ranked(connection, space, queries, candidates(blocks, queries, count, page.floor), count, page, objects)


def candidates(blocks: Iterable[Block], queries: Matrix, count: int, floor: float) -> list[Numbers]:
    """For each query the rows that can be among the ``count`` nearest with at least the cosine ``floor``.

    Loss-free: a row counts as long as the rounding of a float32 product (at most D units in the last place of the
    lengths, here 1, on each side) could have pushed it out.
    """
    slack = 2 * queries.shape[1] * float(np.finfo(np.float32).eps)
    best = [_Best(count, floor, slack) for _ in queries]
    for block in blocks:
        scores = queries @ block.vectors.T
        if block.hidden is not None:
            scores[:, block.hidden] = -np.inf
        for row, own in zip(scores, best, strict=True):
            own.meet(row, block.numbers)
    return [own.numbers for own in best]


class _Best:
    """The nearest rows that one query has met so far."""

    def __init__(self, count: int, floor: float, slack: float) -> None:
        self._count, self._slack = count, slack
        self._least = floor - slack
        self._scores = np.empty(0, dtype=np.float32)
        self.numbers = np.empty(0, dtype=np.int64)

    def meet(self, scores: Matrix, numbers: Numbers) -> None:
        near = np.flatnonzero(scores >= self._least)
        if not len(near):
            return
        self._scores = np.concatenate((self._scores, scores[near]))
        self.numbers = np.concatenate((self.numbers, numbers[near]))
        if len(self._scores) > self._count:
            nth = float(np.partition(self._scores, -self._count)[-self._count])
            self._least = max(self._least, nth - self._slack)
            keep = self._scores >= self._least
            self._scores, self.numbers = self._scores[keep], self.numbers[keep]


@dataclass(slots=True)
class Ranked:
    """The hits of a page for each query, and what was found to be gone on the way.

    ``complete``: whether enough candidates were left without those gone, and without those that show other things;
    ``tied``: whether for some query the last candidate is as good as the page's last hit, so that others may be too.
    """

    hits: list[list[Hit]]
    gone: Numbers
    complete: bool
    tied: bool


def ranked(
    connection: Connection,
    space: Space,
    queries: Matrix,
    found: list[Numbers],
    count: int,
    page: Page,
    objects: Sequence[str] = (),
) -> Ranked:
    """The candidates of each query in the order of their exact cosines, by the rows the connection sees.

    ``count`` is how many were asked for: where fewer were found there are no more. ``objects``: leave out pictures
    that show none of these.
    """
    wanted = np.unique(np.concatenate(found))
    scored: list[list[tuple[float, str]]] = [[] for _ in queries]
    gone, left = [wanted[:0]], [wanted[:0]]
    for start in range(0, len(wanted), truth.BATCH):
        part = wanted[start : start + truth.BATCH]
        there, ids, vectors = truth.by_number(connection, space, part)
        gone.append(np.setdiff1d(part, there, assume_unique=True))
        if objects:
            showing = truth.that_show(connection, ids, objects)
            rows = [row for row, id in enumerate(ids) if id in showing]
            there, ids, vectors = there[rows], [ids[row] for row in rows], vectors[rows]
        left.append(there)
        for query, own, known in zip(queries, found, scored, strict=True):
            at = np.flatnonzero(np.isin(there, own))
            scores = cosines(vectors[at], query).tolist()
            known.extend((-score, ids[i]) for i, score in zip(at.tolist(), scores, strict=True) if score >= page.floor)
    remaining = np.concatenate(left)
    lost = [len(own) - int(np.isin(own, remaining).sum()) for own in found]
    complete = all(len(own) < count or count - n >= page.reach for own, n in zip(found, lost, strict=True))
    for known in scored:
        known.sort()
    tied = any(len(known) > page.reach and known[-1][0] == known[page.reach - 1][0] for known in scored)
    hits = [[Hit(id, -score) for score, id in known[page.offset : page.reach]] for known in scored]
    return Ranked(hits, np.concatenate(gone), complete, tied)


def cosines(vectors: Matrix, query: Matrix) -> NDArray[np.float64]:
    """(N,) cosines of (N, D) vectors with (D,), -1..1.

    In float64 and row by row, not as a matrix product: so equal vectors have equal scores wherever they lie.
    """
    products: NDArray[np.float64] = (vectors.astype(np.float64) * query).sum(axis=1)
    return products.clip(-1.0, 1.0)
