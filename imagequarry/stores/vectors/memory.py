"""The embedded engine: exact products with matrices in memory, over SQLite as over PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from sqlalchemy import Connection

from imagequarry.domain.described import Hit, Space
from imagequarry.stores.database import Database
from imagequarry.stores.vectors import truth
from imagequarry.stores.vectors.held import HeldSpace, View
from imagequarry.stores.vectors.interface import EngineName, Matrix
from imagequarry.stores.vectors.ranking import Page, compare, portions, read, sift
from imagequarry.stores.vectors.truth import Numbers

# A filter is broad that lets through this share of the pictures, and so many.
_BROAD, _MANY = 0.05, 2_000


class MatrixVectors:
    """Searches all vectors of a space, or all that pass the filters, in one matrix product.

    A space is read into memory when it is first searched; later searches read what was added since, also by other
    processes. ``max_bytes`` bounds all spaces together: the one that was not searched for longest goes first, and one
    that is too large alone is read from the table for every search. After ``idle_seconds`` without a search a space
    goes with the next search of another, or with ``give_back``.
    """

    engine: EngineName = "memory"
    exact = True

    def __init__(self, database: Database, max_bytes: int = 2 << 30, idle_seconds: float = 1800.0) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds
        self._guard = threading.Lock()
        self._held: OrderedDict[str, HeldSpace] = OrderedDict()
        self._rows = truth.Rows(database)

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors that are held."""
        with self._guard:
            return sum(held.nbytes for held in self._held.values())

    def put(self, connection: Connection, space: Space, items: Sequence[tuple[str, Matrix]]) -> None:
        truth.put(self._database, connection, space, items)

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
        page = Page(k, offset, min_score)
        queries = truth.checked(space, queries)
        if not k or not len(queries):
            return [[] for _ in queries]
        with self._database.read() as connection:
            held = self._holding(space)
            view = held.view(connection, lambda nbytes: self._make_room(held, nbytes))
            if view is not None and among is None and objects:
                sifted = _sifted(connection, space, queries, page, view, objects)
                if sifted is not None:
                    return sifted
            allowed = truth.allowed(connection, space, objects, among)
            if allowed is not None and not len(allowed):
                return [[] for _ in queries]
            found: list[list[Hit]] = []
            for part in portions(queries, page):
                if view is None:
                    found += compare(connection, space, part, read(connection, space, allowed), page).hits
                else:
                    found += _compared(connection, space, part, page, held, view, allowed)
            return found

    def fetch(self, space: Space, ids: Collection[str]) -> dict[str, Matrix]:
        return self._rows.fetch(space, ids)

    def count(self, space: Space) -> int:
        return self._rows.count(space)

    def spaces(self) -> dict[str, int]:
        return self._rows.spaces()

    def scan(self, space: Space, batch: int = 4096) -> Iterator[tuple[list[str], Matrix]]:
        return self._rows.scan(space, batch)

    def drop(self, space_key: str) -> int:
        with self._guard:
            self._held.pop(space_key, None)
        return self._rows.drop(space_key)

    def bulk(self, space: Space) -> AbstractContextManager[None]:
        """Nothing to speed up: rows are appended, and read by the next search."""
        return nullcontext()

    def mend(self) -> list[str]:
        """Nothing to mend: what is in memory comes from the table alone."""
        return []

    def give_back(self) -> None:
        """Let go of spaces that nobody has searched for a while."""
        with self._guard:
            self._drop_idle()

    def close(self) -> None:
        with self._guard:
            self._held.clear()

    def _holding(self, space: Space) -> HeldSpace:
        with self._guard:
            held = self._held.setdefault(space.key, HeldSpace(space))
            held.used_at = time.monotonic()
            self._held.move_to_end(space.key)
            self._drop_idle()
            return held

    def _drop_idle(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        for key in [key for key, held in self._held.items() if held.used_at < oldest]:
            del self._held[key]

    def _make_room(self, held: HeldSpace, nbytes: int) -> bool:
        """Whether the space may grow to so many bytes; others are let go of for it."""
        with self._guard:
            if nbytes > self._max_bytes:
                self._held.pop(held.space.key, None)
                return False
            taken = sum(other.nbytes for other in self._held.values() if other is not held)
            for key in list(self._held):
                if taken + nbytes <= self._max_bytes:
                    break
                if self._held[key] is not held:
                    taken -= self._held.pop(key).nbytes
            return True


def _compared(
    connection: Connection,
    space: Space,
    queries: Matrix,
    page: Page,
    held: HeldSpace,
    view: View,
    allowed: Numbers | None,
) -> list[list[Hit]]:
    """The hits among all rows, or among those that are allowed; again when too many turned out to be gone."""
    found = compare(connection, space, queries, view.blocks(allowed), page)
    held.forget(view, found.gone)
    if not found.complete or held.is_doubtful:
        held.reconcile(connection, view)
    if not found.complete:
        found = compare(connection, space, queries, view.blocks(allowed), page)
    return found.hits


def _sifted(
    connection: Connection, space: Space, queries: Matrix, page: Page, view: View, objects: Sequence[str]
) -> list[list[Hit]] | None:
    """The hits when many pictures show the objects: finding out which would take longer than the product.

    None when they are few, or when too few of the nearest pictures show them.
    """
    enough = max(_MANY, view.rows // 4)
    share = truth.showing(connection, objects, enough) / max(1, view.rows)
    if share < max(_BROAD, _MANY / max(1, view.rows)):
        return None
    found: list[list[Hit]] = []
    for part in portions(queries, page):
        some = sift(connection, space, part, view.blocks(None), page, objects, min(1.0, share))
        if not some.complete:
            return None
        found += some.hits
    return found
