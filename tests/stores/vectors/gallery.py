"""Pictures that are nothing but an id, objects and a vector, and what an exhaustive comparison finds among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.described import Hit, Space
from imagequarry.stores import images
from imagequarry.stores.database import Database
from imagequarry.stores.tables import image_objects
from imagequarry.stores.tables import images as images_table
from imagequarry.stores.vectors import Matrix, Vectors
from tests.stores.samples import image

SPACE = Space("picture", "looks", "1", 32)


def unit(rows: int, dimension: int = SPACE.dimension, seed: int = 0) -> Matrix:
    """(rows, dimension) vectors of length 1 in clusters, as those of pictures lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(max(1, rows // 50), dimension))
    found = centres[rng.integers(0, len(centres), rows)] + 0.5 * rng.normal(size=(rows, dimension))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float32)


def names(rows: int, prefix: str = "picture") -> list[str]:
    return [f"{prefix} {number:05d}" for number in range(rows)]


@dataclass
class Gallery:
    """A database with pictures, and an engine that searches them."""

    database: Database
    vectors: Vectors
    known: dict[str, Matrix] = field(default_factory=dict)

    def hang(self, ids: Sequence[str], rows: NDArray[np.float32], space: Space = SPACE) -> None:
        """Keep pictures with these vectors; those that are kept already get the new vector."""
        with self.database.write() as connection:
            for id in ids:
                if id not in self.known:
                    images.insert(connection, image(id))
            self.vectors.put(connection, space, list(zip(ids, rows, strict=True)))
        self.known.update(zip(ids, rows, strict=True))

    def see(self, ids: Sequence[str], name: str) -> None:
        """Say that these pictures show an object of that name."""
        rows = [{"image_id": id, "name": name, "position": 0, "score": 0.5} for id in ids]
        with self.database.write() as connection:
            connection.execute(image_objects.insert(), rows)

    def take_down(self, ids: Collection[str]) -> None:
        """Delete pictures; nobody tells the engine."""
        with self.database.write() as connection:
            for id in ids:
                connection.execute(images_table.delete().where(images_table.c.id == id))
        for id in ids:
            del self.known[id]

    def exhaustive(self, query: Matrix, k: int, among: Collection[str] | None = None) -> list[str]:
        """The ids that a comparison with everything finds, the nearest first."""
        ids = sorted(self.known if among is None else self.known.keys() & set(among))
        scores = [float(self.known[id].astype(np.float64) @ query) for id in ids]
        return [ids[i] for i in sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))[:k]]


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.image_id for hit in hits]
