"""Models by name: what is chosen when none is named, and that a named one is obeyed or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagequarry.domain.card import ModelCard, Task
from imagequarry.domain.raster import Raster
from imagequarry.errors import ModelNotFound, ModelUnavailable
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.catalogue import CATALOGUE, Entry, Hardware
from imagequarry.models.pool import ModelPool
from imagequarry.models.registry import Registry
from imagequarry.models.weights import WeightsFolder

PICTURE = Raster(np.zeros((8, 8, 3), dtype=np.uint8), "0" * 64)


def registry_in(
    folder: Path,
    default: str = "auto",
    catalogue: tuple[Entry, ...] = CATALOGUE,
    defaults: Mapping[Task, str] | None = None,
) -> Registry:
    embeddings: ByteCache[EmbeddingKey, Raster] = ByteCache(10**6)
    return Registry(catalogue, WeightsFolder(folder), ModelPool(10**9), embeddings, Hardware(), default, defaults)


def made_up(name: str, task: Task = "segment", hub: str = "", needs: tuple[str, ...] = ()) -> Entry:
    """A model that is its own picture."""
    card = ModelCard(name, task, "huggingface" if hub else "embedded", "", "1", "MIT", "", hub=hub)
    return Entry(card, lambda weights, hardware: PICTURE, needs)


def put_weights(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    (folder / name / "config.json").write_text("{}")
    (folder / name / "model.safetensors").write_bytes(b"")


def test_without_any_weights_auto_means_the_embedded_engine(tmp_path: Path) -> None:
    assert registry_in(tmp_path).choose(None, "segment").name == "region-tree"


def test_auto_means_the_best_model_whose_weights_are_present(tmp_path: Path) -> None:
    catalogue = (made_up("best", hub="a/b"), made_up("good", hub="a/c"), made_up("plain"))
    registry = registry_in(tmp_path, catalogue=catalogue)
    assert registry.choose(None, "segment").name == "plain"
    put_weights(tmp_path, "good")
    assert registry.choose(None, "segment").name == "good"
    put_weights(tmp_path, "best")
    assert registry.choose(None, "segment").name == "best"


def test_auto_passes_over_a_model_whose_libraries_are_missing(tmp_path: Path) -> None:
    catalogue = (made_up("best", needs=("no_such_library",)), made_up("plain"))
    assert registry_in(tmp_path, catalogue=catalogue).choose(None, "segment").name == "plain"


def test_the_default_is_used_where_none_is_named(tmp_path: Path) -> None:
    catalogue = (made_up("first"), made_up("second"))
    registry = registry_in(tmp_path, "second", catalogue)
    assert registry.choose(None, "segment").name == "second"
    assert registry.choose("", "segment").name == "second"
    assert registry.choose("first", "segment").name == "first"


@pytest.mark.parametrize("default", ["auto", "vit_b"])
def test_a_model_that_is_named_or_set_is_never_replaced(tmp_path: Path, default: str) -> None:
    registry = registry_in(tmp_path, default)
    card = registry.choose("vit_b" if default == "auto" else None, "segment")
    assert card.name == "vit_b"
    with pytest.raises(ModelUnavailable) as refusal, registry.lease(card):
        pass
    assert "imagequarry models pull vit_b" in refusal.value.message
    assert refusal.value.details["command"] == "imagequarry models pull vit_b"


def test_a_model_without_its_libraries_is_refused_with_the_way_to_get_them(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=(made_up("heavy", needs=("no_such_library",)),))
    with pytest.raises(ModelUnavailable, match="no_such_library") as refusal, registry.lease(registry.card("heavy")):
        pass
    assert "pip install" in refusal.value.message


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vit_x", "Did you mean .*vit_b"),
        ("Region_Tree", "Did you mean region-tree"),
        ("", "There are: .*vit_b.*, and [0-9]+ more"),
        ("../../etc", "There are: "),
        ("a" * 10_000, "There are: "),
        ("\ud800", "There are: "),
    ],
)
def test_an_unknown_model_is_refused_with_the_names_it_may_be(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(ModelNotFound, match=told) as refusal:
        registry_in(tmp_path).card(name)
    assert len(refusal.value.message) < 300
    refusal.value.message.encode()
    assert "region-tree" in refusal.value.details["models"]


def test_a_model_of_another_task_is_refused(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=(made_up("namer", task="caption"), made_up("plain")))
    with pytest.raises(ModelNotFound, match="does not segment"):
        registry.choose("namer", "segment")
    assert registry.choose(None, "segment").name == "plain"


def test_the_default_model_is_for_segmenting_and_other_tasks_have_their_own(tmp_path: Path) -> None:
    catalogue = (made_up("first"), made_up("second"), made_up("namer", "caption"), made_up("teller", "caption"))
    registry = registry_in(tmp_path, "second", catalogue)
    assert registry.choose(None, "segment").name == "second"
    assert registry.choose(None, "caption").name == "namer"
    registry = registry_in(tmp_path, "second", catalogue, {"caption": "teller"})
    assert (registry.choose(None, "segment").name, registry.choose(None, "caption").name) == ("second", "teller")
    assert registry_in(tmp_path, "second", catalogue, {"caption": "auto"}).choose(None, "caption").name == "namer"


def test_a_default_that_there_is_not_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="'nobody'"):
        registry_in(tmp_path, catalogue=(made_up("plain"),), defaults={"caption": "nobody"})


def test_a_default_of_another_task_is_refused(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=(made_up("plain"),), defaults={"caption": "plain"})
    with pytest.raises(ModelNotFound, match="'plain' does not caption"):
        registry.choose(None, "caption")


def two_tasks() -> tuple[Entry, ...]:
    """A model that does two tasks, and one beside it."""
    sees = made_up("sees", "image-vectors", hub="a/b")
    return made_up("plain"), sees, replace(sees, card=replace(sees.card, name="names", task="objects", runs_as="sees"))


def test_a_model_that_does_two_tasks_is_in_memory_once(tmp_path: Path) -> None:
    put_weights(tmp_path, "sees")
    registry = registry_in(tmp_path, catalogue=two_tasks())
    assert registry.state("names").cached is True
    with (
        registry.lease(registry.card("names")) as names,
        registry.lease(registry.card("sees")) as sees,
        registry.lease(registry.card("names"), "exact") as exact,
    ):
        assert names.engine is sees.engine
        assert (names.card.name, sees.card.name) == ("names", "sees")
        assert names.key("0" * 64) != sees.key("0" * 64)
        assert exact.version != names.version
    assert [state.card.name for state in registry.states() if state.loaded] == ["sees", "names"]


@pytest.mark.parametrize("name", ["sees", "names"])
def test_either_name_loads_and_unloads_both(tmp_path: Path, name: str) -> None:
    put_weights(tmp_path, "sees")
    embeddings: ByteCache[EmbeddingKey, Raster] = ByteCache(10**6)
    registry = Registry(two_tasks(), WeightsFolder(tmp_path), ModelPool(10**9), embeddings, Hardware())
    assert registry.load(name).card.name == name
    for each in ("sees", "names", "plain"):
        with registry.lease(registry.card(each)) as leased:
            embeddings.get(leased.key("0" * 64), lambda: PICTURE)
    assert registry.unload(name) is True
    assert [state.loaded for state in registry.states()] == [True, False, False]
    assert embeddings.figures().entries == 1
    assert registry.unload(name) is False


def test_what_is_idle_is_unloaded_for_both_tasks(tmp_path: Path) -> None:
    put_weights(tmp_path, "sees")
    now = [0.0]
    embeddings: ByteCache[EmbeddingKey, Raster] = ByteCache(10**6)
    pool = ModelPool(10**9, idle_seconds=10, clock=lambda: now[0])
    registry = Registry(two_tasks(), WeightsFolder(tmp_path), pool, embeddings, Hardware())
    with registry.lease(registry.card("names")) as leased:
        embeddings.get(leased.key("0" * 64), lambda: PICTURE)
    now[0] = 11.0
    registry.sweep()
    assert not any(state.loaded for state in registry.states())
    assert embeddings.figures().entries == 0


def test_either_name_means_the_card_of_the_task(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=two_tasks())
    for name in ("sees", "names"):
        assert registry.choose(name, "objects").name == "names"
        assert registry.choose(name, "image-vectors").name == "sees"
    with pytest.raises(ModelNotFound, match="'names' does not caption pictures"):
        registry.choose("names", "caption")


def test_absent_weights_are_pulled_under_the_name_of_the_model_that_is_run(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=two_tasks())
    with pytest.raises(ModelUnavailable, match="imagequarry models pull sees"), registry.lease(registry.card("names")):
        pass


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("segment", "region-tree"),
        ("caption", "plain-words"),
        ("objects", "plain-words-objects"),
        ("image-vectors", "appearance"),
        ("text-vectors", "all-MiniLM-L6-v2"),
    ],
)
def test_every_task_can_be_done_without_pulling_anything(tmp_path: Path, task: Task, name: str) -> None:
    registry = registry_in(tmp_path)
    card = registry.choose(None, task)
    assert card.name == name
    assert registry.state(name).cached is True
    assert registry.load(name).loaded is True


def test_where_nothing_can_do_the_task_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="No model on this machine can caption"):
        registry_in(tmp_path, catalogue=(made_up("plain"),)).choose(None, "caption")


def test_the_state_of_a_model_follows_what_is_done_with_it(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=(made_up("plain"), made_up("absent", hub="a/b")))
    assert [state.cached for state in registry.states()] == [True, False]
    assert registry.state("plain").loaded is False
    assert registry.load("plain").loaded is True
    assert registry.state("plain").memory_bytes == PICTURE.nbytes
    assert registry.unload("plain") is True
    assert registry.state("plain").loaded is False
    assert registry.unload("plain") is False


def test_states_are_of_one_task_or_of_all(tmp_path: Path) -> None:
    registry = registry_in(tmp_path, catalogue=(made_up("namer", task="caption"), made_up("plain")))
    assert [state.card.name for state in registry.states("segment")] == ["plain"]
    assert [state.card.name for state in registry.states()] == ["namer", "plain"]


def test_an_unloaded_model_s_embeddings_go_with_it(tmp_path: Path) -> None:
    embeddings: ByteCache[EmbeddingKey, Raster] = ByteCache(10**6)
    catalogue = (made_up("first"), made_up("second"))
    registry = Registry(catalogue, WeightsFolder(tmp_path), ModelPool(10**9), embeddings, Hardware())
    for name in ("first", "second"):
        with registry.lease(registry.card(name)) as leased:
            embeddings.get(leased.key("0" * 64), lambda: PICTURE)
    registry.unload("first")
    assert embeddings.figures().entries == 1
    registry.unload("second")
    assert embeddings.figures().bytes == 0


def test_an_embedding_is_kept_by_picture_model_and_version(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    with registry.lease(registry.card("region-tree")) as leased:
        key = leased.key("ab" * 32)
        assert (key.digest, key.model, key.version) == ("ab" * 32, "region-tree", leased.version)
        assert leased.version.startswith(leased.card.version)


def test_every_card_of_the_catalogue_says_where_it_is_from_and_under_which_licence() -> None:
    names = [entry.card.name for entry in CATALOGUE]
    assert len(set(names)) == len(names)
    assert {"vit_h", "vit_l", "vit_b", "region-tree"} <= set(names)
    for entry in CATALOGUE:
        assert entry.card.licence
        assert entry.card.source
        assert entry.card.description
        assert entry.card.version
