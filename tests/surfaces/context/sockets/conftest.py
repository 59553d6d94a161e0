"""The small application of these tests, in this process and on a port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from imagequarry.stores.database import Database
from tests.surfaces.context.sockets.house import House, house


@pytest.fixture
def open_house(sqlite_database: Database) -> House:
    """An application that wants no key."""
    return house(sqlite_database)


@pytest.fixture
def client(open_house: House) -> Iterator[TestClient]:
    """A client of it, in this process."""
    with TestClient(open_house.app) as client:
        yield client
