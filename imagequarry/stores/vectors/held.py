"""The vectors of one space in memory, brought up to date from the table and never ahead of who asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from imagequarry.domain.described import Space
from imagequarry.stores.vectors import truth
from imagequarry.stores.vectors.interface import Matrix
from imagequarry.stores.vectors.ranking import Block
from imagequarry.stores.vectors.truth import Numbers

CHUNK = 16_384
# From this share of a chunk on it costs less to multiply all of it than to pick rows out first.
_MOST = 0.25
# From this share of dead rows on the matrix is copied without them.
_DEAD = 0.25


@dataclass(slots=True)
class Chunk:
    """Room for ``CHUNK`` vectors; the first ``used`` rows are filled and never change.

    ``gone`` is 0 for a row that is in the table, else the lowest that the space's newest number was when the row was
    found to be gone: a transaction that began before sees a lower one, and may still see the row in place of its
    successor.
    """

    numbers: Numbers
    vectors: Matrix
    gone: NDArray[np.int64]
    used: int = 0

    @classmethod
    def empty(cls, dimension: int) -> Chunk:
        # Memory that nobody has written to costs nothing yet.
        vectors = np.empty((CHUNK, dimension), dtype=np.float32)
        return cls(np.empty(CHUNK, dtype=np.int64), vectors, np.zeros(CHUNK, dtype=np.int64))

    def take(self, numbers: Numbers, vectors: Matrix) -> int:
        """Copy as many rows as there is room for; how many."""
        n = min(len(numbers), CHUNK - self.used)
        rows = slice(self.used, self.used + n)
        self.numbers[rows], self.vectors[rows], self.gone[rows] = numbers[:n], vectors[:n], 0
        self.used += n
        return n

    def bury(self, rows: NDArray[np.bool_], newest: int) -> None:
        """Mark these of the used rows as gone for whoever sees the number ``newest``."""
        gone = self.gone[: self.used]
        gone[rows & ((gone == 0) | (gone > newest))] = newest


@dataclass(frozen=True, slots=True)
class View:
    """The rows up to one number, as one transaction sees them; others may add behind it meanwhile."""

    newest: int
    chunks: list[Chunk]

    @property
    def rows(self) -> int:
        """How many rows there are to look at, about."""
        return sum(chunk.used for chunk in self.chunks)

    def blocks(self, allowed: Numbers | None) -> Iterator[Block]:
        """All rows, or those with the allowed numbers."""
        for chunk in self.chunks:
            end = int(np.searchsorted(chunk.numbers[: chunk.used], self.newest, side="right"))
            if end:
                numbers, vectors, gone = chunk.numbers[:end], chunk.vectors[:end], chunk.gone[:end]
                hidden = (gone > 0) & (gone <= self.newest)
                if allowed is None:
                    yield Block(numbers, vectors, hidden if hidden.any() else None)
                    continue
                first, last = np.searchsorted(allowed, (numbers[0], numbers[-1] + 1))
                rows = np.searchsorted(numbers, allowed[first:last])
                # One that is missing was deleted after this transaction began, and left out since.
                rows = rows[numbers[rows] == allowed[first:last]]
                if len(rows) > _MOST * end:
                    hidden[:] = True
                    hidden[rows] = False
                    yield Block(numbers, vectors, hidden)
                elif len(rows):
                    yield Block(numbers[rows], vectors[rows])


@dataclass(slots=True)
class HeldSpace:
    """A space in memory. Many threads search it while one adds to it."""

    space: Space
    used_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _chunks: list[Chunk] = field(default_factory=list)
    _last: int = 0
    _found_gone: int = 0
    # A transaction that sees no number as high may still see rows that are left out here.
    _compacted_at: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the rows that are held."""
        return sum(chunk.used for chunk in self._chunks) * row_bytes(self.space)

    def view(self, connection: Connection, make_room: Callable[[int], bool]) -> View | None:
        """The rows that the connection's transaction sees.

        ``make_room`` is asked whether the space may take so many bytes in all; None when it may not.
        """
        newest = truth.newest(connection, self.space.key)
        with self._lock:
            if newest < self._compacted_at:
                self._chunks, self._last, self._compacted_at = [], 0, 0
            if newest > self._last:
                coming = truth.count(connection, self.space.key, self._last) * row_bytes(self.space)
                if not make_room(self.nbytes + coming):
                    return None
                for numbers, _, vectors in truth.batches(connection, self.space, self._last):
                    self._append(numbers, vectors)
            return View(newest, list(self._chunks))

    def forget(self, view: View, numbers: Numbers) -> None:
        """Remember that these rows, which the view has, are not in the table any more."""
        if len(numbers):
            with self._lock:
                for chunk in self._chunks:
                    chunk.bury(np.isin(chunk.numbers[: chunk.used], numbers, assume_unique=True), view.newest)
                self._found_gone += len(numbers)

    def reconcile(self, connection: Connection, view: View) -> None:
        """Find all rows of the view that are gone from the table, and copy the matrix without them if they are many."""
        there = truth.numbers(connection, self.space.key)
        with self._lock:
            for chunk in self._chunks:
                held = chunk.numbers[: chunk.used]
                chunk.bury((held <= view.newest) & ~np.isin(held, there, assume_unique=True), view.newest)
            self._found_gone = 0
            dead = sum(int(np.count_nonzero(chunk.gone[: chunk.used])) for chunk in self._chunks)
            if dead > _DEAD * sum(chunk.used for chunk in self._chunks):
                self._compact()

    @property
    def is_doubtful(self) -> bool:
        """Whether so many rows were found to be gone that it is worth looking for the others."""
        return self._found_gone > 100

    def _append(self, numbers: Numbers, vectors: Matrix) -> None:
        last = int(numbers[-1])
        while len(numbers):
            if not self._chunks or self._chunks[-1].used == CHUNK:
                self._chunks.append(Chunk.empty(self.space.dimension))
            n = self._chunks[-1].take(numbers, vectors)
            numbers, vectors = numbers[n:], vectors[n:]
        self._last = max(self._last, last)

    def _compact(self) -> None:
        """Copy what lives, chunk by chunk, so that little is held twice."""
        old, self._chunks, last = self._chunks, [], self._last
        old.reverse()
        while old:
            chunk = old.pop()
            gone = chunk.gone[: chunk.used]
            self._compacted_at = max(self._compacted_at, int(gone.max(initial=0)))
            rows = np.flatnonzero(gone == 0)
            if len(rows):
                self._append(chunk.numbers[rows], chunk.vectors[rows])
        self._last = last


def row_bytes(space: Space) -> int:
    """What a row costs in memory."""
    return 4 * space.dimension + 16
