"""What tests of several stores need."""

from __future__ import annotations

import pytest

from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.ledger_upkeep import Upkeep
from imagequarry.stores.library import Library
from tests.stores.books import Books
from tests.stores.gallery import Gallery


@pytest.fixture
def books(database: Database) -> Books:
    rung: list[str] = []
    journal = Journal(database, rung.append)
    return Books(Ledger(journal), Claims(journal, 0.4), Upkeep(journal), database, rung)


@pytest.fixture
def gallery(library: Library) -> Gallery:
    return Gallery(library)
