"""Every engine over every database it runs on, and pictures with vectors to search among."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from imagequarry.stores.database import Database
from imagequarry.stores.vectors import MatrixVectors, Vectors
from tests.stores.vectors.gallery import Gallery

ENGINES: dict[str, Callable[[Database], Vectors]] = {"memory": MatrixVectors}


@pytest.fixture
def engine() -> str:
    return "memory"


@pytest.fixture
def vectors(database: Database, engine: str) -> Iterator[Vectors]:
    found = ENGINES[engine](database)
    yield found
    found.close()


@pytest.fixture
def gallery(database: Database, vectors: Vectors) -> Gallery:
    return Gallery(database, vectors)
