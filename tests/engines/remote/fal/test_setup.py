"""With a key Tripo3D is what makes models; without one it is named in lists, and refused with what to set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagequarry.errors import RemoteNotSetUp
from imagequarry.models.registry import Registry
from imagequarry.runtime import registering
from tests.fixtures.fal import KEY
from tests.fixtures.server import settings_in


def registry(folder: Path, **given: Any) -> Registry:
    return registering.models(settings_in(folder, **given))[0]


def test_with_a_key_it_makes_models_where_nobody_names_a_maker(tmp_path: Path) -> None:
    models = registry(tmp_path, fal_key=KEY)
    chosen = models.choose(None, "mesh")
    models.require(chosen)
    assert chosen.name == "tripo3d"
    with models.lease(chosen) as leased:
        assert (leased.engine.geometry, leased.engine.wants_subject) == ("3d", False)


@pytest.mark.parametrize("given", [{}, {"fal_key": ""}, {"fal_key": KEY, "mesh_model": "relief"}])
def test_without_a_key_or_with_another_wish_it_does_not(tmp_path: Path, given: dict[str, Any]) -> None:
    assert registry(tmp_path, **given).choose(None, "mesh").name == "relief"


def test_without_a_key_it_is_refused_by_name_with_what_to_set(tmp_path: Path) -> None:
    models = registry(tmp_path)
    assert "tripo3d" in [state.card.name for state in models.states("mesh")]
    chosen = models.choose("tripo3d", "mesh")
    with pytest.raises(RemoteNotSetUp, match="set FAL_KEY"):
        models.require(chosen)
    with pytest.raises(RemoteNotSetUp, match="set FAL_KEY"), models.lease(chosen):
        pass


def test_a_key_that_is_none_is_refused_like_a_missing_one(tmp_path: Path) -> None:
    models = registry(tmp_path, fal_key="two words")
    with pytest.raises(RemoteNotSetUp, match="FAL_KEY is no key"):
        models.require(models.choose(None, "mesh"))
