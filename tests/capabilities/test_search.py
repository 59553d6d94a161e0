"""Search over small engines: words against words, words against pictures, and vectors of one model at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.description import Describer
from imagequarry.capabilities.intake import Limits
from imagequarry.capabilities.roots import Roots
from imagequarry.capabilities.search import Found, Search
from imagequarry.capabilities.spaces import Spaces
from imagequarry.domain.card import ModelCard
from imagequarry.domain.describing import Vectors
from imagequarry.models.cache import ByteCache
from imagequarry.models.catalogue import Entry, Hardware
from imagequarry.models.pool import ModelPool
from imagequarry.models.registry import Registry
from imagequarry.models.weights import WeightsFolder
from imagequarry.stores.images import Images
from imagequarry.stores.segmentations import Segmentations
from imagequarry.stores.words import Words
from tests.fixtures.describing import Colours, Desk, Letters, Models, Thumbnails
from tests.fixtures.pictures import encoded

SHADES = {"sea": (10, 60, 200), "meadow": (20, 180, 40), "fire": (220, 40, 10)}


@dataclass(frozen=True)
class Reading(Thumbnails):
    """Thumbnails that know how a few words look."""

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        shades = np.asarray([SHADES.get(text, (1, 1, 1)) for text in texts], np.float32)
        rows = np.tile(shades, (1, self.side * self.side)) + 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def search_on(desk: Desk, registry: Registry) -> Search:
    archive = Archive(
        desk.library, Images(desk.database), Segmentations(desk.database), ByteCache(0), Limits(max_side=512)
    )
    spaces = Spaces(registry, desk.vectors)
    return Search(spaces, desk.vectors, desk.descriptions, Words(desk.database), archive)


def paint(desk: Desk) -> None:
    """Three pictures of one shade each, whose names say nothing of it."""
    for number, shade in enumerate(SHADES.values()):
        path = desk.folder / f"{number}.png"
        path.write_bytes(encoded(np.full((24, 32, 3), shade, np.uint8), "PNG"))
        desk.describer.file(str(path))


def names(found: Sequence[Found]) -> list[str]:
    return [one.image.image.filename for one in found]


@pytest.mark.parametrize(("word", "name"), [("sea", "0.png"), ("meadow", "1.png"), ("fire", "2.png")])
def test_words_that_nobody_wrote_are_found_in_the_pictures_themselves(desk: Desk, word: str, name: str) -> None:
    models = Models(pictures=Reading(), texts=None)
    reading = desk.with_models(models)
    paint(reading)
    found = search_on(reading, models.registry(desk.folder.parent)).by_words(word)
    assert names(found)[0] == name
    assert found[0].score == pytest.approx(1, abs=0.01)
    assert found[1].score < 0.9


def test_pictures_that_cannot_be_read_by_words_leave_it_to_the_words(desk: Desk) -> None:
    paint(desk)
    found = search_on(desk, desk.models.registry(desk.folder.parent)).by_words("mostly green")
    assert names(found)[0] == "1.png"
    assert len(found) == 3


def test_without_any_model_for_texts_the_score_is_the_share_of_the_words_that_are_there(desk: Desk) -> None:
    models = Models(texts=None)
    bare = desk.with_models(models)
    paint(bare)
    found = search_on(bare, models.registry(desk.folder.parent)).by_words("green elephants")
    assert names(found) == ["1.png"]
    assert found[0].score == 0.5


def two_models(folder: Path, *, newer_first: bool) -> Registry:
    """A registry with an older and a newer model for pictures, in the order of preference."""
    speaker = Colours()

    def entry(name: str, task: str, engine: object) -> Entry:
        return Entry(ModelCard(name, task, "embedded", "", "1", "MIT", ""), lambda weights, hardware: engine)  # type: ignore[arg-type]

    older, newer = entry("older", "image-vectors", Thumbnails(4)), entry("newer", "image-vectors", Thumbnails(2))
    entries = [
        entry("speaker", "caption", speaker),
        entry("tagger", "objects", speaker),
        entry("letters", "text-vectors", Letters()),
        *([newer, older] if newer_first else [older]),
    ]
    return Registry(entries, WeightsFolder(folder / "models"), ModelPool(10**9), ByteCache(0), Hardware("cpu"))


def test_yesterday_s_vectors_are_searched_until_today_s_are_as_many(desk: Desk) -> None:
    def describer(registry: Registry) -> Describer:
        roots = Roots([desk.folder])
        return Describer(registry, desk.library, desk.descriptions, desk.scans, desk.vectors, roots, Limits())

    def searched(registry: Registry) -> str:
        with Spaces(registry, desk.vectors).encoder("picture") as encoder:
            assert encoder is not None
            return encoder.space.model

    home = desk.folder.parent
    before, after = two_models(home, newer_first=False), two_models(home, newer_first=True)
    for seed in range(3):
        describer(before).file(str(desk.draw(f"{seed}.png", seed)))
    assert searched(before) == "older"
    assert searched(after) == "older"
    describer(after).file(str(desk.folder / "0.png"), force=True)
    assert searched(after) == "older"
    describer(after).renewal.run()
    assert searched(after) == "newer"
    assert {key.split(":")[1] for key in desk.vectors.spaces() if key.startswith("picture:")} == {"newer"}
