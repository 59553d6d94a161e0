"""A queue on loopback for each test, and the engine that asks it, without the pauses that a network deserves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from imagequarry.domain.mesh import MeshOptions, ReadyModel
from imagequarry.domain.raster import Raster
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.engine import Tripo3D
from imagequarry.engines.remote.fal.following import Pace
from tests.engines.remote.fal.watching import Watched
from tests.fixtures.fal import KEY, FalQueue, serving
from tests.fixtures.pictures import scene

PICTURE = Raster(scene(), "0" * 64)


class Make(Protocol):
    """Has a model made of a picture; what is given by name goes to the account, the engine and the options."""

    def __call__(self, watch: Watched | None = None, raster: Raster = PICTURE, **given: Any) -> ReadyModel: ...


@pytest.fixture
def fal() -> Iterator[FalQueue]:
    with serving(FalQueue()) as fal:
        yield fal


@pytest.fixture
def make(fal: FalQueue) -> Make:
    def make(watch: Watched | None = None, raster: Raster = PICTURE, **given: Any) -> ReadyModel:
        options = MeshOptions(
            **{name: given.pop(name) for name in ("face_limit", "texture", "quality") if name in given}
        )
        account = Account(
            given.pop("key", KEY),
            queue_url=given.pop("queue_url", fal.url),
            rest_url=fal.url,
            timeout=given.pop("timeout", 30.0),
        )
        pace = Pace(seconds=0.01, slower=0.01, patience=given.pop("patience", 1.0))
        engine = Tripo3D(account, pace, given.pop("pauses", (0.01, 0.02)), **given)
        return engine.make(raster, None, options, watch or Watched())

    return make
