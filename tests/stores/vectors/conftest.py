"""Every engine over every database it runs on, and pictures with vectors to search among."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from imagequarry.stores.database import Database
from imagequarry.stores.vectors import MatrixVectors, Vectors, choose
from tests.stores.vectors.gallery import Gallery

ENGINES: dict[str, Callable[[Database], Vectors]] = {
    "memory": MatrixVectors,
    "pgvector": lambda database: choose(database, "pgvector"),
}
PLACES = ["memory-sqlite", "memory-postgresql", "pgvector-postgresql"]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """An engine and a database: the test runs once for each pair that goes together."""
    name: str = request.param
    return name


@pytest.fixture
def engine(place: str) -> str:
    return place.partition("-")[0]


@pytest.fixture
def database_url(place: str, request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{place.partition('-')[2]}_url")
    return url


@pytest.fixture
def vectors(database: Database, engine: str) -> Iterator[Vectors]:
    found = ENGINES[engine](database)
    yield found
    found.close()


@pytest.fixture
def gallery(database: Database, vectors: Vectors) -> Gallery:
    return Gallery(database, vectors)
