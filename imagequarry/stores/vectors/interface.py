"""What every engine for vectors does: keep one for a picture in a space, and find the pictures near a given one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from imagequarry.domain.described import Hit, Space

Matrix = NDArray[np.float32]
"""(N, D) float32, a vector in each row; or (D,), one vector."""

EngineName = Literal["memory", "pgvector"]


class Vectors(Protocol):
    """Vectors of pictures, kept in the table ``vectors``; an engine is a way of searching them.

    A vector goes when its picture goes, by the database's own hand. All methods may be called from many threads and
    processes. Those that read open a transaction of their own.
    """

    @property
    def engine(self) -> EngineName:
        """Which engine this is."""
        ...

    @property
    def exact(self) -> bool:
        """Whether ``nearest`` never misses a picture."""
        ...

    def put(self, connection: Connection, space: Space, items: Sequence[tuple[str, Matrix]]) -> None:
        """Keep a vector for each of these pictures, in the caller's transaction, in place of the one it had.

        On PostgreSQL it keeps other writers of the space out until that transaction ends: call it late in the
        transaction, and for several spaces in the order of their keys. Raises InvalidInput for a vector of another
        length than the space's, not finite or not of length 1, ImageNotFound for a picture that is not kept.
        """
        ...

    def nearest(
        self,
        space: Space,
        queries: Matrix,
        k: int,
        *,
        objects: Sequence[str] = (),
        among: Collection[str] | None = None,
        min_score: float | None = None,
        offset: int = 0,
    ) -> list[list[Hit]]:
        """For each of the queries, (Q, D) of length 1, the k nearest pictures after ``offset`` nearer ones.

        ``objects``: only pictures in which any of these was seen, by exact name; ``among``: only pictures with these
        ids; ``min_score``: only cosines from there. Equal scores are in the order of the ids. Raises InvalidInput.
        """
        ...

    def fetch(self, space: Space, ids: Collection[str]) -> dict[str, Matrix]:
        """The vectors of these pictures, where there are any."""
        ...

    def scan(self, space: Space, batch: int = 4096) -> Iterator[tuple[list[str], Matrix]]:
        """All vectors, in the order they were put, ids and (n, D) up to ``batch`` at a time, each in its own
        transaction: one that is put meanwhile may come a second time, and then the later one counts."""
        ...

    def count(self, space: Space) -> int:
        """How many vectors the space has."""
        ...

    def spaces(self) -> dict[str, int]:
        """The keys of all spaces that have vectors, and how many."""
        ...

    def drop(self, space_key: str) -> int:
        """Remove all vectors of a space; how many there were."""
        ...

    def bulk(self, space: Space) -> AbstractContextManager[None]:
        """For filling a space: what is put inside is searched more slowly until the end, and put faster."""
        ...

    def mend(self) -> list[str]:
        """Bring up to date whatever speeds up searching; keys of the spaces where there was something to do.

        May take minutes and stands in nobody's way: for a start, or a background job.
        """
        ...

    def close(self) -> None:
        """Give back all memory. What is asked afterwards is still answered."""
        ...
