"""The studio's own unit tests, run with all others."""

from __future__ import annotations

import subprocess

from tests.house.source import ROOT


def test_the_units_of_the_studio_pass(built: None) -> None:
    finished = subprocess.run(["npm", "test", "--silent"], cwd=ROOT / "studio", capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "passed" in finished.stdout
