"""The pages that tell what there is are served from here alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from imagequarry.app import create_app
from imagequarry.settings import read_settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(read_settings(data_dir=tmp_path))) as client:
        yield client


@pytest.mark.parametrize("page", ["/", "/docs", "/redoc"])
def test_a_page_loads_nothing_from_elsewhere(client: TestClient, page: str) -> None:
    html = client.get(page).text
    for address in re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)""", html):
        assert address.startswith("/"), address
        assert client.get(address).status_code == 200, address


def test_the_scripts_do_not_lead_to_other_files(client: TestClient) -> None:
    assert client.get("/docs/assets/swagger-ui-bundle.js").status_code == 200
    assert client.get("/docs/assets/../core.py").status_code == 404
    assert client.get("/docs/assets/%2e%2e/core.py").status_code == 404
