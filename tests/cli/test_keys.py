"""``imagequarry keys``: a key that is like no other, and opens what it should."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagequarry.cli import app
from tests.fixtures.server import open_site


def new(*options: str) -> str:
    """A new key; nothing else stands on standard output."""
    finished = CliRunner().invoke(app, ["keys", "new", *options])
    assert finished.exit_code == 0
    (key,) = finished.stdout.splitlines()
    assert re.search(r"\bADMIN_API_KEYS\b" if options else r"\bAPI_KEYS\b", finished.stderr)
    assert key not in finished.stderr
    return key


@pytest.mark.parametrize(("options", "prefix"), [((), "iq_"), (("--admin",), "iqa_")])
def test_a_new_key_is_32_random_bytes_after_a_prefix(options: tuple[str, ...], prefix: str) -> None:
    keys = {new(*options) for _ in range(20)}
    assert len(keys) == 20
    assert all(re.fullmatch(f"{prefix}[A-Za-z0-9_-]{{43}}", key) for key in keys)


def test_a_server_that_is_started_with_new_keys_is_opened_by_them(tmp_path: Path) -> None:
    user, second, admin = new(), new(), new("--admin")
    with open_site(tmp_path, api_keys=f"{user},{second}", admin_api_keys=admin) as site:
        for key, plain, kept in ((user, 200, 403), (second, 200, 403), (admin, 200, 200), (new(), 403, 403)):
            headers = {"Authorization": f"Bearer {key}"}
            assert site.client.get("/images", headers=headers).status_code == plain
            assert site.client.get("/api/v1/admin/disk-usage", headers=headers).status_code == kept
