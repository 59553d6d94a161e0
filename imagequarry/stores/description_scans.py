"""Reading a whole library of descriptions page by page: what lacks something, and what duplicates are found by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, func, select

from imagequarry.domain.records import is_id
from imagequarry.stores.database import Database
from imagequarry.stores.descriptions import HASH_BYTES
from imagequarry.stores.images import bounded
from imagequarry.stores.lists import listed
from imagequarry.stores.tables import descriptions, images, vectors


class DescriptionScans:
    """Reads of many pictures at a time, each page a transaction of its own, so that nobody waits for a scan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def undescribed(self, limit: int = 500, after: str = "") -> list[str]:
        """The next ids of originals that have no description; ``after`` is the last id of the page before."""
        said = select(descriptions.c.image_id).where(descriptions.c.image_id == images.c.id).exists()
        query = select(images.c.id).where(images.c.id > after, images.c.kind == "original", ~said)
        return self._ids(query.order_by(images.c.id).limit(bounded(limit)))

    def without_vector(self, space_key: str, limit: int = 500, after: str = "") -> list[str]:
        """The next ids of described pictures that have no vector in that space."""
        id = descriptions.c.image_id
        has = select(vectors.c.image_id).where(vectors.c.image_id == id, vectors.c.space == space_key).exists()
        return self._ids(select(id).where(id > after, ~has).order_by(id).limit(bounded(limit)))

    def perceptual_hashes(
        self, among: Sequence[str] | None = None, page: int = 10_000
    ) -> Iterator[tuple[list[str], NDArray[np.uint8]]]:
        """The pictures that have a perceptual hash, in pages: (ids, hashes of shape (N, 32))."""
        if among is not None:
            for start in range(0, len(among), page):
                if rows := self._hashes(0, page, among[start : start + page]):
                    yield _stacked(rows)
            return
        after = 0
        while rows := self._hashes(after, page, None):
            yield _stacked(rows)
            after = rows[-1].number

    def same_content(self, among: Sequence[str] | None = None) -> list[list[str]]:
        """The described pictures of which several have the same digest, in groups with the oldest first."""
        with self._database.read() as connection:
            shared = _of_described(connection, select(images.c.digest), among)
            shared = shared.group_by(images.c.digest).having(func.count() > 1)
            query = _of_described(connection, select(images.c.digest, images.c.id), among)
            query = query.where(images.c.digest.in_(shared))
            rows = connection.execute(query.order_by(images.c.digest, images.c.created_at, images.c.id)).all()
        return [[row.id for row in group] for _, group in groupby(rows, lambda row: row.digest)]

    def _hashes(self, after: int, page: int, among: Sequence[str] | None) -> Sequence[Row[*tuple[Any, ...]]]:
        columns = descriptions.c.number, descriptions.c.image_id, descriptions.c.perceptual_hash
        query = select(*columns).where(descriptions.c.number > after, descriptions.c.perceptual_hash.is_not(None))
        with self._database.read() as connection:
            if among is not None:
                query = query.where(descriptions.c.image_id.in_(listed(connection, filter(is_id, among))))
            return connection.execute(query.order_by(descriptions.c.number).limit(page)).all()

    def _ids(self, query: Select[str]) -> list[str]:
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())


def _stacked(rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[list[str], NDArray[np.uint8]]:
    hashes = np.frombuffer(b"".join(row.perceptual_hash for row in rows), np.uint8)
    return [row.image_id for row in rows], hashes.reshape(-1, HASH_BYTES)


def _of_described(connection: Connection, query: Select[Any], among: Sequence[str] | None) -> Select[Any]:
    query = query.join(descriptions, descriptions.c.image_id == images.c.id)
    return query if among is None else query.where(images.c.id.in_(listed(connection, filter(is_id, among))))
