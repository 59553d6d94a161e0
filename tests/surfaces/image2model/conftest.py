"""An application for all tests of a module that only follow their own jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.surfaces.image2model.watchers import Desk, open_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The application without workers, on loopback."""
    with open_desk(tmp_path_factory.mktemp("desk")) as desk:
        yield desk
