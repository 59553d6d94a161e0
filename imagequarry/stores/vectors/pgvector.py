"""The engine for many pictures: an HNSW index in PostgreSQL finds candidates, the table's own vectors rank them."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from imagequarry.domain.described import Hit, Space, SpaceKind
from imagequarry.domain.records import is_id
from imagequarry.errors import Conflict, StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.vectors import truth
from imagequarry.stores.vectors.index_table import MOST_DIMENSIONS, IndexTable
from imagequarry.stores.vectors.interface import EngineName, Matrix
from imagequarry.stores.vectors.memory import MatrixVectors
from imagequarry.stores.vectors.ranking import Page, compare, portions, ranked, read

# Iterative scans of an index, and vectors of half precision, came with 0.8 and 0.7.
OLDEST = (0, 8)
# Candidates for each picture that is wanted: half precision and the graph both misjudge a little.
_CANDIDATES = 4
# The same where all candidates are equally good, as copies of one picture are: their order is that of the ids.
_TIED_CANDIDATES = 32
# A filter that lets so few pictures through is applied first, and they are compared one by one.
_SELECTIVE = 5_000
# From here on an index would have to be walked so far that an exact product is as quick.
_DEEPEST = 1_000
# Spaces up to this size get their index while something is put into them, larger ones by ``mend``.
_SMALL = 1_000
# The highest that pgvector takes.
_MOST_EF = 1_000


class PgVectors:
    """Searches an index of pgvector; finds nearly all, and all where a filter leaves few.

    ``schema`` is where the extension is, ``ef_search`` how many places of the graph a search keeps in view: more find
    more and take longer. Where an index is missing or behind, answers come from ``MatrixVectors`` until ``mend``.
    """

    engine: EngineName = "pgvector"
    exact = False

    def __init__(self, database: Database, schema: str, ef_search: int = 200, memory_bytes: int = 256 << 20) -> None:
        self._database = database
        self._schema = schema
        self._ef_search = ef_search
        self._matrix = MatrixVectors(database, memory_bytes)
        self._guard = threading.Lock()
        self._filling: list[str] = []

    def put(self, connection: Connection, space: Space, items: Sequence[tuple[str, Matrix]]) -> None:
        self._database.lock(connection, truth.lock_key(space.key))
        before = truth.newest(connection, space.key)
        ids, vectors = truth.put(self._database, connection, space, items)
        # Only now: an index that takes another's place waits for who has written, and who has not finds the new one.
        if not ids or not _is_indexable(space):
            return
        index = self._index(space)
        if not index.exists(connection):
            if not self._is_filling(space) and _is_small(connection, space):
                index.make(connection)
        elif index.reaches(connection, truth.newest(connection, space.key, up_to=before)):
            index.add(connection, truth.numbers(connection, space.key, after=before), ids, vectors)

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
        with self._database.read() as connection, _unless_dropped():
            few = _is_selective(connection, objects, among)
            if (few or page.reach <= _DEEPEST) and self._is_ready(connection, space):
                names = truth.storable(objects)
                among = None if among is None else [id for id in set(among) if is_id(id)]
                if objects and not names:
                    return [[] for _ in queries]
                search = self._each if few else self._by_index
                found: list[list[Hit]] = []
                for part in portions(queries, page):
                    hits = search(connection, space, part, page, names, among)
                    if hits is None:
                        break
                    found += hits
                else:
                    return found
            elif few:
                allowed = truth.allowed(connection, space, objects, among)
                blocks = list(read(connection, space, allowed))
                return [
                    hits
                    for part in portions(queries, page)
                    for hits in compare(connection, space, part, blocks, page).hits
                ]
        return self._matrix.nearest(space, queries, k, objects=objects, among=among, min_score=min_score, offset=offset)

    def _is_ready(self, connection: Connection, space: Space) -> bool:
        return _is_indexable(space) and self._index(space).reaches(connection, truth.newest(connection, space.key))

    def _each(
        self,
        connection: Connection,
        space: Space,
        queries: Matrix,
        page: Page,
        names: Sequence[str],
        among: Collection[str] | None,
    ) -> list[list[Hit]]:
        """The hits when few pictures pass the filters: exactly those."""
        index = self._index(space)
        found = [index.each(connection, query, page.reach, names, among) for query in queries]
        return ranked(connection, space, queries, found, page.reach, page).hits

    def _by_index(
        self,
        connection: Connection,
        space: Space,
        queries: Matrix,
        page: Page,
        names: Sequence[str],
        among: Collection[str] | None,
    ) -> list[list[Hit]] | None:
        """The hits among the candidates of the index; None when it gave fewer than were asked for."""
        index = self._index(space)
        for candidates in (_CANDIDATES, _TIED_CANDIDATES):
            count = page.reach * candidates
            wide = min(max(self._ef_search, count), _MOST_EF)
            # Without sorting, the plan must take the rows in the order of the index, however few it thinks will pass.
            settings = {"hnsw.ef_search": str(wide), "hnsw.iterative_scan": "relaxed_order", "enable_sort": "off"}
            for name, value in settings.items():
                connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})
            found = [index.nearest(connection, query, count, names, among) for query in queries]
            if any(len(numbers) < count for numbers in found):
                return None
            some = ranked(connection, space, queries, found, count, page)
            if not some.tied:
                break
        return some.hits

    def fetch(self, space: Space, ids: Collection[str]) -> dict[str, Matrix]:
        return self._matrix.fetch(space, ids)

    def scan(self, space: Space, batch: int = 4096) -> Iterator[tuple[list[str], Matrix]]:
        return self._matrix.scan(space, batch)

    def count(self, space: Space) -> int:
        return self._matrix.count(space)

    def spaces(self) -> dict[str, int]:
        return self._matrix.spaces()

    def drop(self, space_key: str) -> int:
        space = _space(space_key)
        if space is not None:
            self._index(space).drop()
        return self._matrix.drop(space_key)

    @contextmanager
    def bulk(self, space: Space) -> Iterator[None]:
        """Remove the index, and build it at the end, whatever happened in between."""
        with self._guard:
            self._filling.append(space.key)
        try:
            self._index(space).drop()
            yield
        finally:
            with self._guard:
                self._filling.remove(space.key)
            self._mend(space)

    def mend(self) -> list[str]:
        """Build every index that is missing or lacks rows, and clear the others of pictures that are gone."""
        spaces = [_space(key) for key in self.spaces()]
        return [space.key for space in spaces if space is not None and self._mend(space)]

    def close(self) -> None:
        self._matrix.close()

    def _mend(self, space: Space) -> bool:
        with self._database.read() as connection:
            if not _is_indexable(space):
                return False
            ready = self._is_ready(connection, space)
        return self._index(space).purge() if ready else self._index(space).rebuild()

    def _is_filling(self, space: Space) -> bool:
        with self._guard:
            return space.key in self._filling

    def _index(self, space: Space) -> IndexTable:
        return IndexTable(self._database, space, self._schema)


def extension_schema(database: Database) -> str | None:
    """The schema that pgvector is in, made if that is possible; None when it cannot be had, or is too old."""
    if database.is_sqlite:
        return None
    found = _installed(database)
    if found is None:
        # Not possible, for want of rights or of files: then it is not there.
        with suppress(StorageFailure, Conflict), database.write() as connection:
            database.lock(connection, truth.lock_key("extension"))
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public"))
        found = _installed(database)
    return None if found is None or found[0] < OLDEST else found[1]


def _installed(database: Database) -> tuple[tuple[int, ...], str] | None:
    query = "SELECT extversion, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace"
    with database.read() as connection:
        row = connection.execute(text(f"{query} WHERE extname = 'vector'")).first()
    return None if row is None else (tuple(map(int, re.findall(r"\d+", row.extversion))), row.nspname)


def _is_indexable(space: Space) -> bool:
    return space.dimension <= MOST_DIMENSIONS


def _is_small(connection: Connection, space: Space) -> bool:
    return truth.count(connection, space.key, most=_SMALL + 1) <= _SMALL


def _is_selective(connection: Connection, objects: Sequence[str], among: Collection[str] | None) -> bool:
    if among is not None and len(among) <= _SELECTIVE:
        return True
    return bool(objects) and truth.showing(connection, objects, _SELECTIVE + 1) <= _SELECTIVE


def _space(key: str) -> Space | None:
    """A space with that key, if a space can have it; where its model ends and its version begins does not matter."""
    parts = re.fullmatch(r"(picture|text):([^:]*):(.*):(\d+)", key, re.DOTALL)
    if parts is None:
        return None
    kind: SpaceKind = "picture" if parts[1] == "picture" else "text"
    return Space(kind, parts[2], parts[3], int(parts[4]))


@contextmanager
def _unless_dropped() -> Iterator[None]:
    """Pass over that an index was dropped between the look whether it is there and the search in it."""
    try:
        yield
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != "42P01":  # undefined table
            raise
