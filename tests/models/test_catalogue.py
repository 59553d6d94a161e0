"""The catalogue is what the documentation says it is."""

from __future__ import annotations

import re

from imagequarry.models.catalogue import ALIASES, CATALOGUE
from tests.house.source import ROOT


def test_the_table_of_models_is_the_catalogue() -> None:
    rows = {}
    for line in (ROOT / "docs" / "models.md").read_text("utf-8").splitlines():
        if line.startswith("| `"):
            name, _, size, licence, hub, others = (cell.strip() for cell in line.strip("|").split("|"))
            rows[name.strip("`")] = (size, licence, hub, set(re.findall(r"`([^`]+)`", others)))
    expected = {
        card.name: (
            str(card.size_mb or "-"),
            card.licence + (", gated" if card.gated else ""),
            card.hub or "-",
            {alias for alias, name in ALIASES.items() if name == card.name},
        )
        for card in (entry.card for entry in CATALOGUE)
    }
    assert rows == expected
    # The first that can run is the default, so the order is told too.
    assert list(rows) == list(expected)
