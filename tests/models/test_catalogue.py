"""The catalogue is what the documentation says it is."""

from __future__ import annotations

import re

import pytest

from imagequarry.errors import InvalidInput
from imagequarry.models.catalogue import ALIASES, CATALOGUE, catalogue
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


def versions(**settings: object) -> dict[str, str]:
    return {entry.card.name: entry.card.version for entry in catalogue(**settings)}  # type: ignore[arg-type]


def test_other_words_and_other_thresholds_are_other_versions_of_what_names_objects() -> None:
    plain = versions()
    assert versions(vocabulary=()) == plain
    for other in (versions(vocabulary=("cat", "dog")), versions(threshold=0.2)):
        changed = {name for name, version in other.items() if version != plain[name]}
        assert changed == {"siglip2-objects", "clip-large-objects", "clip-objects"}


def test_a_vocabulary_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(InvalidInput, match="80 characters"):
        catalogue(vocabulary=("x" * 81,))


def test_what_runs_as_another_model_has_its_weights() -> None:
    cards = {entry.card.name: entry.card for entry in CATALOGUE}
    pairs = [(card, cards[card.runs_as]) for card in cards.values() if card.runs_as]
    assert {card.name for card, _ in pairs} >= {"clip-objects", "plain-words-objects"}
    for card, runs in pairs:
        assert (card.hub, card.licence, card.size_mb, card.folder) == (runs.hub, runs.licence, runs.size_mb, runs.name)
        assert card.task != runs.task


def test_the_embedded_models_of_a_task_come_last() -> None:
    for task in ("segment", "caption", "objects", "image-vectors"):
        families = [entry.card.family for entry in CATALOGUE if entry.card.task == task]
        assert families == ["huggingface"] * (len(families) - 1) + ["embedded"]


def test_a_maker_of_meshes_says_what_it_gives_and_nobody_else_does() -> None:
    for card in (entry.card for entry in CATALOGUE):
        assert (card.geometry is not None) == (card.task == "mesh")
    assert [entry.card.name for entry in CATALOGUE if entry.card.task == "mesh"][-1] == "relief"
