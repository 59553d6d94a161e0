"""What tests of several stores need."""

from __future__ import annotations

import pytest

from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.ledger_upkeep import Upkeep
from tests.stores.books import Books


@pytest.fixture
def books(database: Database) -> Books:
    rung: list[str] = []
    journal = Journal(database, rung.append)
    return Books(Ledger(journal), Claims(journal, 0.4), Upkeep(journal), database, rung)
