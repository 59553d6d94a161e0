"""Half-precision copies of one space's vectors in PostgreSQL, under an HNSW index of pgvector.

The table is made here and not by a migration, since its type depends on the space. It holds all rows of the space up
to the highest number that it has: so one look at that number tells whether it may be used. Rows of pictures that are
gone stay until ``purge``, passed over by every search: a foreign key would remove them, and would let nobody read
``vectors`` while an index is put in another's place.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from imagequarry.domain.described import Space
from imagequarry.errors import StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.vectors import truth
from imagequarry.stores.vectors.interface import Matrix
from imagequarry.stores.vectors.truth import Numbers

# What HNSW takes of halfvec.
MOST_DIMENSIONS = 4000
# The binary form of COPY begins and ends so: https://www.postgresql.org/docs/current/sql-copy.html
_COPY_HEAD, _COPY_TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), struct.pack(">h", -1)
# How much the product of two vectors of length 1 in half precision can be off: 2^-11 for each, and a little more.
_HALF = 0.0011
# Catching up goes on without a lock until so few rows are left.
_FEW = 500


class IndexTable:
    """The index of one space. ``schema`` is where the extension is."""

    def __init__(self, database: Database, space: Space, schema: str) -> None:
        self._database = database
        self._space = space
        self._schema = '"' + schema.replace('"', '""') + '"'
        self.name = table_name(space.key)

    def exists(self, connection: Connection) -> bool:
        """Whether there is a table, up to date or not."""
        return bool(connection.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": self.name}).scalar())

    def reaches(self, connection: Connection, number: int) -> bool:
        """Whether there is a table and it holds all rows of the space up to that number."""
        return self.exists(connection) and self._newest(connection) >= number

    def add(self, connection: Connection, numbers: Numbers, ids: Sequence[str], vectors: Matrix) -> None:
        """Add rows, in the order of their numbers, in place of those that the pictures had."""
        connection.execute(text(f"DELETE FROM {self.name} WHERE image_id = ANY(:ids)"), {"ids": list(ids)})
        _copy(connection, self.name, numbers, ids, vectors)

    def make(self, connection: Connection) -> None:
        """Make the table with the few rows that the space has so far."""
        self._create(connection, self.name)
        self._fill(connection, self.name, 0)
        self._build(connection, self.name)

    def rebuild(self) -> bool:
        """Make the table anew beside the old one, from all rows of the space, and put it in its place; False when
        somebody else has done so meanwhile.

        Filled first and indexed then: rows one by one into an index take 50 times as long. Others read and write all
        the time but for the last moment. Killed in the middle it leaves everything as it was.
        """
        space, fresh = self._space, f"{self.name}_fresh"
        with self._database.write() as connection:
            self._database.lock(connection, truth.lock_key(f"index {space.key}"))
            if self.reaches(connection, truth.newest(connection, space.key)):
                return False
            self._create(connection, fresh)
            self._fill(connection, fresh, 0)
            self._build(connection, fresh)
            while truth.count(connection, space.key, last := _newest(connection, fresh)) > _FEW:
                self._fill(connection, fresh, last)
            # From here on nobody writes vectors. Who has written some has committed, who comes now finds the new table.
            connection.execute(text("LOCK TABLE vectors IN SHARE ROW EXCLUSIVE MODE"))
            self._fill(connection, fresh, _newest(connection, fresh))
            connection.execute(text(f"DROP TABLE IF EXISTS {self.name}"))
            connection.execute(text(f"ALTER TABLE {fresh} RENAME TO {self.name}"))
        return True

    def purge(self) -> bool:
        """Remove rows of pictures that are gone; whether there were any."""
        dead = f"DELETE FROM {self.name} x WHERE NOT EXISTS (SELECT FROM vectors v WHERE v.number = x.number)"
        with self._database.write() as connection:
            return self.exists(connection) and connection.execute(text(dead)).rowcount > 0

    def drop(self) -> None:
        """Remove the table; rows are searched without it."""
        with self._database.write() as connection:
            # Who has written vectors has committed, who comes now finds no table.
            connection.execute(text("LOCK TABLE vectors IN SHARE ROW EXCLUSIVE MODE"))
            connection.execute(text(f"DROP TABLE IF EXISTS {self.name}"))

    def nearest(
        self, connection: Connection, query: Matrix, count: int, objects: Sequence[str], among: Collection[str] | None
    ) -> Numbers:
        """The numbers of about the ``count`` nearest rows that pass the filters and are not gone, by the index."""
        where, filters = _filters(objects, among)
        # The limit as a literal: a plan for any limit would not use the index.
        statement = (
            f"SELECT x.number FROM {self.name} x WHERE {where}"
            f" ORDER BY x.embedding OPERATOR({self._schema}.<=>) CAST(:query AS {self._type}) LIMIT {int(count)}"
        )
        return self._asked(connection, statement, {"query": _written(query), **filters})

    def each(
        self, connection: Connection, query: Matrix, count: int, objects: Sequence[str], among: Collection[str] | None
    ) -> Numbers:
        """The numbers of rows among which the ``count`` nearest are for certain, each row that passes compared.

        For filters that let few rows pass. A product of halves is off by at most ``_HALF``, on either side.
        """
        where, filters = _filters(objects, among)
        product = f"-(x.embedding OPERATOR({self._schema}.<#>) CAST(:query AS {self._type}))"
        statement = (
            f"WITH one AS MATERIALIZED (SELECT x.number, {product} AS score FROM {self.name} x WHERE {where})"
            " SELECT number FROM one WHERE score >="
            f" coalesce((SELECT score FROM one ORDER BY score DESC OFFSET {int(count) - 1} LIMIT 1), -2) - {2 * _HALF}"
        )
        return self._asked(connection, statement, {"query": _written(query), **filters})

    def _asked(self, connection: Connection, statement: str, values: dict[str, Any]) -> Numbers:
        return np.array(connection.execute(text(statement), values).scalars().all(), dtype=np.int64)

    @property
    def _type(self) -> str:
        return f"{self._schema}.halfvec({self._space.dimension})"

    def _newest(self, connection: Connection) -> int:
        return _newest(connection, self.name)

    def _create(self, connection: Connection, name: str) -> None:
        columns = f"number bigint NOT NULL, image_id varchar(128) NOT NULL, embedding {self._type} NOT NULL"
        connection.execute(text(f"CREATE TABLE {name} ({columns})"))

    def _fill(self, connection: Connection, name: str, after: int) -> None:
        for numbers, ids, vectors in truth.batches(connection, self._space, after):
            _copy(connection, name, numbers, ids, vectors)

    def _build(self, connection: Connection, name: str) -> None:
        connection.execute(text(f"ALTER TABLE {name} ADD PRIMARY KEY (number)"))
        # The graph with its vectors should fit, or building it takes many times as long.
        rows = truth.count(connection, self._space.key)
        megabytes = min(max(64, rows * (2 * self._space.dimension + 400) // 2**20), 2048)
        connection.execute(text(f"SET LOCAL maintenance_work_mem = '{megabytes}MB'"))
        index = text(f"CREATE INDEX ON {name} USING hnsw (embedding {self._schema}.halfvec_cosine_ops)")
        try:
            with connection.begin_nested():
                connection.execute(index)
        except DBAPIError:
            # Parallel workers share memory that containers often have little of.
            connection.execute(text("SET LOCAL max_parallel_maintenance_workers = 0"))
            connection.execute(index)
        connection.execute(text(f"CREATE INDEX ON {name} (image_id)"))
        connection.execute(text(f"ANALYZE {name}"))


def table_name(space_key: str) -> str:
    """The name of a space's index table: fixed in length, and safe to be part of a statement."""
    return f"vectors_{hashlib.sha256(space_key.encode()).hexdigest()[:16]}"


def _filters(objects: Sequence[str], among: Collection[str] | None) -> tuple[str, dict[str, Any]]:
    """The condition that a row ``x`` must meet, and its parameters."""
    conditions, values = ["EXISTS (SELECT FROM vectors v WHERE v.number = x.number)"], dict[str, Any]()
    if objects:
        conditions.append("x.image_id IN (SELECT o.image_id FROM image_objects o WHERE o.name = ANY(:names))")
        values["names"] = list(objects)
    if among is not None:
        conditions.append("x.image_id = ANY(:among)")
        values["among"] = list(among)
    return " AND ".join(conditions), values


def _newest(connection: Connection, name: str) -> int:
    return connection.execute(text(f"SELECT max(number) FROM {name}")).scalar() or 0


def _copy(connection: Connection, name: str, numbers: Numbers, ids: Sequence[str], vectors: Matrix) -> None:
    import psycopg  # there is none to load where SQLite does

    dimension = vectors.shape[1]
    head = struct.pack(">ihh", 4 + 2 * dimension, dimension, 0)
    parts = [_COPY_HEAD]
    for number, id, half in zip(numbers.tolist(), ids, vectors.astype(">f2"), strict=True):
        name_of = id.encode()
        parts += (struct.pack(">hiqi", 3, 8, number, len(name_of)), name_of, head, half.tobytes())
    parts.append(_COPY_TAIL)
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"".join(parts))
    except psycopg.Error as error:
        raise StorageFailure("The index of the vectors could not be written.") from error


def _written(vector: Matrix) -> str:
    """As pgvector reads it."""
    return f"[{','.join(map(str, vector.tolist()))}]"
