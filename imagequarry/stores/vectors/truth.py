"""The table ``vectors``, whatever engine searches it: what goes in is checked, what comes out are arrays."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Row, Select, String, any_, func, literal, select
from sqlalchemy.exc import IntegrityError

from imagequarry.domain.described import Space
from imagequarry.domain.records import is_id
from imagequarry.errors import ImageNotFound, InvalidInput
from imagequarry.stores.database import Database
from imagequarry.stores.tables import image_objects, vectors
from imagequarry.stores.vectors.interface import Matrix

Numbers = NDArray[np.int64]
"""(N,) numbers of rows of the table, rising."""

# How far from 1 the length of a vector may be: what bfloat16 models leave.
LENGTH_TOLERANCE = 1e-3
BATCH = 4096

# NUL, which PostgreSQL cannot keep, and halves of characters, which nobody can.
_UNFIT = re.compile("[\\0\ud800-\udfff]")

_rows = select(vectors.c.number, vectors.c.image_id, vectors.c.vector)


def checked(space: Space, rows: Any) -> Matrix:
    """The vectors as (N, D) float32. Raises InvalidInput."""
    try:
        with np.errstate(over="ignore"):
            matrix = np.ascontiguousarray(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"A vector of this space has {space.dimension} numbers.") from error
    if matrix.size == 0 and len(matrix) == 0:
        return np.empty((0, space.dimension), dtype=np.float32)
    if matrix.ndim != 2 or matrix.shape[1] != space.dimension:
        raise InvalidInput(f"A vector of this space has {space.dimension} numbers.")
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    if not np.all(np.abs(lengths - 1) <= LENGTH_TOLERANCE):  # not a number: not so either
        raise InvalidInput("A vector must be finite and of length 1.")
    return matrix


def put(
    database: Database, connection: Connection, space: Space, items: Sequence[tuple[str, Matrix]]
) -> tuple[list[str], Matrix]:
    """Write the vectors, each as a new row with a new number. Returns what was written, in the order of its numbers.

    Numbers of a space become visible in their order, because PostgreSQL gives them out before the commit and whoever
    holds rows reads on from the highest it has seen: hence the lock. Raises InvalidInput, ImageNotFound.
    """
    matrix = checked(space, [vector for _, vector in items])
    rows = dict(zip((id for id, _ in items), matrix, strict=True))
    if not all(map(is_id, rows)):
        raise ImageNotFound
    ids = sorted(rows)
    if not ids:
        return [], matrix
    database.lock(connection, lock_key(space.key))
    of_these = vectors.c.space == space.key, _is_any(connection, vectors.c.image_id, ids)
    connection.execute(vectors.delete().where(*of_these))
    matrix = np.stack([rows[id] for id in ids])
    written = [{"image_id": id, "space": space.key, "vector": to_bytes(rows[id])} for id in ids]
    try:
        connection.execute(vectors.insert().inline(), written)
    except IntegrityError as error:
        raise ImageNotFound from error
    return ids, matrix


def newest(connection: Connection, space_key: str, up_to: int | None = None) -> int:
    """The highest number in the space, of those up to a limit; 0 when there is none."""
    query = select(func.max(vectors.c.number)).where(vectors.c.space == space_key)
    if up_to is not None:
        query = query.where(vectors.c.number <= up_to)
    return connection.execute(query).scalar() or 0


def count(connection: Connection, space_key: str, after: int = 0, most: int | None = None) -> int:
    """How many rows the space has after that number, counted up to ``most``."""
    rows = select(vectors.c.number).where(vectors.c.space == space_key, vectors.c.number > after).limit(most)
    return connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one()


def numbers(connection: Connection, space_key: str, after: int = 0) -> Numbers:
    """The numbers of the rows of the space after that one."""
    query = select(vectors.c.number).where(vectors.c.space == space_key, vectors.c.number > after)
    return _numbers(connection.execute(query).all())


def allowed(
    connection: Connection, space: Space, objects: Sequence[str], among: Collection[str] | None
) -> Numbers | None:
    """The numbers of the rows that pass both filters, or None when there is no filter."""
    if not objects and among is None:
        return None
    query = select(vectors.c.number).where(vectors.c.space == space.key)
    if objects:
        query = query.where(vectors.c.image_id.in_(_showing(connection, objects)))
    if among is not None:
        query = query.where(_is_any(connection, vectors.c.image_id, [id for id in set(among) if is_id(id)]))
    return _numbers(connection.execute(query).all())


def showing(connection: Connection, objects: Sequence[str], most: int) -> int:
    """In how many pictures the objects were seen, counted up to ``most``; one with several may count several times."""
    some = _showing(connection, objects).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def that_show(connection: Connection, ids: Sequence[str], objects: Sequence[str]) -> set[str]:
    """Those of the pictures in which any of the objects was seen."""
    query = _showing(connection, objects).where(_is_any(connection, image_objects.c.image_id, ids))
    return set(connection.execute(query).scalars())


def storable(objects: Sequence[str]) -> list[str]:
    """Those of the names that a database could keep."""
    return sorted({name for name in objects if not _UNFIT.search(name)})


def batches(
    connection: Connection, space: Space, after: int = 0, size: int = BATCH
) -> Iterator[tuple[Numbers, list[str], Matrix]]:
    """The rows of the space after that number, in the order of their numbers: numbers, ids of pictures, vectors."""
    query = _rows.where(vectors.c.space == space.key).order_by(vectors.c.number).limit(size)
    while found := connection.execute(query.where(vectors.c.number > after)).all():
        numbers, ids, matrix = _arrays(found, space)
        yield numbers, ids, matrix
        after = int(numbers[-1])


def by_number(connection: Connection, space: Space, wanted: Numbers) -> tuple[Numbers, list[str], Matrix]:
    """Those of the rows that are there, in the order of their numbers: numbers, ids of pictures, vectors."""
    query = _rows.where(_is_any(connection, vectors.c.number, wanted.tolist())).order_by(vectors.c.number)
    return _arrays(connection.execute(query).all(), space)


class Rows:
    """Reads and drops rows in transactions of its own, for any engine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fetch(self, space: Space, ids: Collection[str]) -> dict[str, Matrix]:
        wanted = sorted(id for id in set(ids) if is_id(id))
        found: dict[str, Matrix] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), BATCH):
                these = _is_any(connection, vectors.c.image_id, wanted[start : start + BATCH])
                query = _rows.where(vectors.c.space == space.key, these)
                _, there, matrix = _arrays(connection.execute(query).all(), space)
                found.update(zip(there, matrix, strict=True))
        return found

    def scan(self, space: Space, batch: int) -> Iterator[tuple[list[str], Matrix]]:
        after = 0
        while True:
            with self._database.read() as connection:
                found = next(batches(connection, space, after, max(1, batch)), None)
            if found is None:
                return
            numbers, ids, matrix = found
            yield ids, matrix
            after = int(numbers[-1])

    def count(self, space: Space) -> int:
        with self._database.read() as connection:
            return count(connection, space.key)

    def spaces(self) -> dict[str, int]:
        query = select(vectors.c.space, func.count().label("rows")).group_by(vectors.c.space).order_by(vectors.c.space)
        with self._database.read() as connection:
            return {row.space: row.rows for row in connection.execute(query)}

    def drop(self, space_key: str) -> int:
        """In several transactions, so that other writers get their turn between them."""
        dropped = 0
        some = select(vectors.c.number).where(vectors.c.space == space_key).limit(BATCH).scalar_subquery()
        while True:
            with self._database.write() as connection:
                gone = connection.execute(vectors.delete().where(vectors.c.number.in_(some))).rowcount
            if not gone:
                return dropped
            dropped += gone


def lock_key(space_key: str) -> int:
    """The 60 bits that name the lock of a space."""
    return int(hashlib.sha256(f"vectors {space_key}".encode()).hexdigest()[:15], 16)


def to_bytes(vector: Matrix) -> bytes:
    """As the table keeps it: float32, little endian."""
    return vector.astype("<f4").tobytes()


def to_matrix(blobs: Iterable[bytes], space: Space) -> Matrix:
    """(N, D) of what the table keeps."""
    return np.frombuffer(b"".join(blobs), dtype="<f4").astype(np.float32, copy=False).reshape(-1, space.dimension)


def _showing(connection: Connection, objects: Sequence[str]) -> Select[str]:
    """The ids of the pictures in which any of the objects was seen."""
    return select(image_objects.c.image_id).where(_is_any(connection, image_objects.c.name, storable(objects)))


def _arrays(rows: Sequence[Row[int, str, bytes]], space: Space) -> tuple[Numbers, list[str], Matrix]:
    numbers, ids, blobs = zip(*rows, strict=True) if rows else ((), (), ())
    return np.array(numbers, dtype=np.int64), list(ids), to_matrix(blobs, space)


def _numbers(rows: Sequence[Row[int]]) -> Numbers:
    found = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    found.sort()
    return found


def _is_any(connection: Connection, column: ColumnElement[Any], values: Sequence[int | str]) -> ColumnElement[bool]:
    """Whether the column is one of the values: one parameter, however many there are."""
    if connection.dialect.name == "sqlite":
        return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))
    kind = BigInteger() if isinstance(column.type, BigInteger) else String()
    return column == any_(literal(values, ARRAY(kind)))
