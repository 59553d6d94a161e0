"""Putting log files aside and deleting them: what needs it, and that no line is lost meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagequarry.ops.log_rotation import LogRotation, Removed, Rotated
from imagequarry.stores.log_files import LogFiles
from tests.fixtures.log_lines import ago, line, write
from tests.fixtures.server import open_site
from tests.house.source import ROOT

WRITER = """
import sys
from pathlib import Path
from imagequarry.ops.logs import bound, configure, logger

configure(folder=Path(sys.argv[1]))
log = logger("imagequarry.writer")
with bound(job_id=sys.argv[2]):
    for number in range(int(sys.argv[3])):
        log.error("line", number=number)
"""


@pytest.fixture
def files(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path)


@pytest.fixture
def rotation(files: LogFiles) -> LogRotation:
    return LogRotation(files, 1000, 30)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_is_too_large_is_put_aside_and_others_are_not(
    tmp_path: Path, files: LogFiles, rotation: LogRotation
) -> None:
    now = ago(0)
    large = write(files.path("access"), [line(now, "x" * 1000)])
    text = large.read_text()
    write(files.path("application"), [line(now)])
    write(tmp_path / "access.log.1", [line(now, "x" * 1000)])
    files.path("celery_errors").touch()
    done = rotation.rotate()
    assert done.aside == ("access.log",)
    assert sorted(done.left) == ["access.log.1", "application.log", "celery_errors.log"]
    assert done.errors == ()
    (aside,) = set(names(tmp_path)) - {"access.log.1", "application.log", "celery_errors.log"}
    assert (tmp_path / aside).read_text() == text
    assert {file.path.name for file in files.of_type("access")} == {"access.log.1", aside}


def test_a_file_of_an_earlier_day_is_put_aside_however_small(files: LogFiles, rotation: LogRotation) -> None:
    write(files.path("access"), [line(ago(25)), line(ago(0))])
    write(files.path("application"), ["not a line", line(ago(25))])
    write(files.path("celery_worker"), ["not a line"])
    assert rotation.rotate().aside == ("application.log", "access.log")
    assert rotation.rotate() == Rotated(left=tuple(file.path.name for file in files.all()))


def test_no_line_is_lost_while_several_processes_write_and_several_rotate(tmp_path: Path, files: LogFiles) -> None:
    rotation = LogRotation(files, 20_000, 0)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(number), "800"], cwd=ROOT, stderr=-3)
        for number in range(3)
    ]
    aside = 0
    while any(writer.poll() is None for writer in writers):
        aside += len(rotation.rotate().aside)
        time.sleep(0.002)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert aside > 20
    for type in ("celery_worker", "celery_errors"):
        read = [json.loads(text) for path in tmp_path.glob(f"{type}.log*") for text in path.read_text().splitlines()]
        assert sorted((entry["job_id"], entry["number"]) for entry in read) == [
            (str(job), number) for job in range(3) for number in range(800)
        ]


def test_two_who_rotate_at_once_lose_nothing(tmp_path: Path, files: LogFiles, rotation: LogRotation) -> None:
    write(files.path("access"), [line(ago(0), "x" * 1000)])
    (file,) = files.of_type("access")
    assert rotation._needs_it(file)
    rotation.rotate()
    # The other one saw the same file, and comes late.
    write(files.path("access"), [line(ago(0), "young")])
    rotation.rotate()
    texts = [path.read_text() for path in tmp_path.iterdir()]
    assert sorted("young" in text for text in texts) == [False, True]


def test_only_files_that_were_put_aside_long_ago_are_deleted(
    tmp_path: Path, files: LogFiles, rotation: LogRotation
) -> None:
    old, young = ago(31 * 24), ago(29 * 24)
    size = write(tmp_path / "access.log.1", [line(old)], old).stat().st_size
    write(tmp_path / "celery_worker.log-20240101.gz", ["?"], old)
    write(tmp_path / "access.log.2", [line(young)], young)
    write(files.path("access"), [line(old)], old)
    write(tmp_path / "notes.txt", ["mine"], old)
    (tmp_path / "application.log.1").symlink_to(write(tmp_path / "precious", ["x"], old))
    assert rotation.remove(30) == Removed(2, size + 2)
    assert names(tmp_path) == ["access.log", "access.log.2", "application.log.1", "notes.txt", "precious"]
    assert rotation.remove(1) == Removed(1, size)
    assert rotation.remove(1) == Removed()


def test_a_sweep_does_both_and_keeps_everything_where_nothing_is_old(tmp_path: Path, files: LogFiles) -> None:
    old = ago(31 * 24)
    write(tmp_path / "access.log.1", [line(old)], old)
    write(files.path("application"), [line(ago(0), "x" * 1000)])
    LogRotation(files, 1000, 0).sweep()
    assert len(names(tmp_path)) == 2
    assert "application.log" not in names(tmp_path)
    LogRotation(files, 1000, 30).sweep()
    assert len(names(tmp_path)) == 1


def test_a_file_that_outgrew_its_limit_says_that_nobody_rotates(files: LogFiles, rotation: LogRotation) -> None:
    write(files.path("access"), [line(ago(0), "x" * 1000)])
    assert rotation.is_working()
    write(files.path("access"), [line(ago(0), "x" * 2000)])
    assert not rotation.is_working()


def test_a_server_that_starts_puts_yesterday_s_logs_aside(tmp_path: Path) -> None:
    logs = tmp_path / "data" / "logs"
    write(logs / "access.log", [line(ago(30), "yesterday's")])
    old = ago(40 * 24)
    write(logs / "access.log.1", [line(old)], old)
    with open_site(tmp_path / "data", job_workers=0) as site:
        until = time.monotonic() + 60
        while (logs / "access.log.1").exists() or "yesterday's" in (logs / "access.log").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
            site.client.get("/health")
        (aside,) = logs.glob("access.log.*")
        assert "yesterday's" in aside.read_text()
