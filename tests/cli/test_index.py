"""``imagequarry index``: a folder described from the command line, with its faults named and Ctrl+C heeded."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from imagequarry.cli import main
from tests.fixtures.describing import drawing
from tests.fixtures.server import SECONDS

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, one of them deeper; outside what a server would read by itself."""
    made = tmp_path / "pictures"
    (made / "inner").mkdir(parents=True)
    for name, seed in (("a.png", 1), ("b.png", 2), ("inner/c.png", 3)):
        (made / name).write_bytes(drawing(seed))
    return made


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command run in this process: its exit code and all that it says."""
    for name, value in {"DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["imagequarry", "index", *words])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else int(bool(code))), said.out + said.err

    return run


def described(tmp_path: Path) -> list[str]:
    """The paths in the database that have a description."""
    query = "SELECT path FROM image_files JOIN descriptions USING (image_id) ORDER BY path"
    with closing(sqlite3.connect(tmp_path / "data" / "imagequarry.db")) as connection:
        return [str(row[0]) for row in connection.execute(query)]


def test_a_folder_is_described_and_what_is_known_is_skipped(folder: Path, index: Run, tmp_path: Path) -> None:
    code, said = index(str(folder), "--no-recursive")
    assert code == 0
    assert "2 files in " in said
    assert "2 described" in said
    assert described(tmp_path) == [str(folder / "a.png"), str(folder / "b.png")]
    code, said = index(str(folder))
    assert code == 0
    assert "1 described" in said
    assert "2 known already, 0 failed" in said
    assert len(described(tmp_path)) == 3
    code, said = index(str(folder), "--force")
    assert (code, "3 described" in said) == (0, True)


def test_files_that_fail_are_named_and_the_exit_code_says_so(folder: Path, index: Run, tmp_path: Path) -> None:
    (folder / "[red]broken.png").write_bytes(b"x")
    (folder / "two\nlines\x1b[2J.png").write_bytes(b"")
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(drawing())
    code, said = index(str(folder))
    assert code == 1
    assert "failed [red]broken.png" in said.replace(f"{folder}/", "")
    assert f"failed {folder}/two\ufffdlines\ufffd[2J.png: The file is empty." in said
    assert f"failed {folder}/caf\ufffd.png: " in said
    assert "3 described" in said
    assert "3 failed" in said
    assert len(described(tmp_path)) == 3


def test_a_folder_that_is_none_is_refused(folder: Path, index: Run) -> None:
    for path in (folder / "missing", folder / "a.png"):
        code, said = index(str(path))
        assert code == 2
        assert "DIR" in said


def test_a_folder_may_be_named_by_a_link_or_relative_to_here(
    folder: Path, index: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert index(str(tmp_path / "link"))[0] == 0
    monkeypatch.chdir(folder / "inner")
    code, said = index("..")
    assert (code, "3 known already" in said) == (0, True)
    assert described(tmp_path)[0] == str(folder / "a.png")


def test_ctrl_c_ends_it_in_good_order_and_keeps_what_is_done(folder: Path, index: Run, tmp_path: Path) -> None:
    for n in range(100):
        (folder / f"{n:04}.png").write_bytes(drawing(n))

    def press() -> None:
        until = time.monotonic() + SECONDS
        while not some(tmp_path):
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=press)
    thread.start()
    code, said = index(str(folder))
    thread.join()
    assert code == 130
    assert "Interrupted" in said
    count = len(described(tmp_path))
    assert 0 < count < 103
    assert f" {count} described" in said
    assert signal.getsignal(signal.SIGINT) == before


def some(tmp_path: Path) -> bool:
    try:
        return bool(described(tmp_path))
    except sqlite3.OperationalError:  # no database yet, or no tables in it
        return False
