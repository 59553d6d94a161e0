"""An application that may read one folder of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.server import Site, open_site, photograph


@dataclass(frozen=True)
class Home:
    """The application, and the folder of pictures that its callers may name."""

    site: Site
    pictures: Path

    def put(self, name: str, photo: str = "chelsea", format: str = "JPEG") -> Path:
        """A photograph as a file in the folder."""
        path = self.pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photograph(photo, format))
        return path

    def process(self, path: Path, **given: Any) -> Any:
        """Describe a file; the reply."""
        reply = self.site.client.post("/api/v1/images/process", json={"image_path": str(path), **given})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a route that must answer."""
        reply = self.site.client.get(path, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()


def open_home(folder: Path, **given: Any) -> Iterator[Home]:
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    with open_site(folder / "data", image_roots=(pictures,), **given) as site:
        yield Home(site, pictures.resolve())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An application of the test's own."""
    yield from open_home(tmp_path)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One with four described photographs, for tests that change nothing."""
    for home in open_home(tmp_path_factory.mktemp("album")):
        for name in ("astronaut", "coffee", "chelsea", "rocket"):
            home.process(home.put(f"{name}.jpg", name))
        yield home
