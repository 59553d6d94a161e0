"""Reading log files: only what a span of time holds, whatever the lines look like and whatever becomes of the files."""

from __future__ import annotations

import gzip
import io
import itertools
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from imagequarry.domain.log import LOG_TYPES
from imagequarry.stores.log_files import LogFiles, Reading, Window
from imagequarry.stores.log_files.entries import entries
from imagequarry.stores.log_files.lines import LONGEST, lines
from tests.fixtures.log_lines import NOON, line, write
from tests.house.source import ROOT

DAY = Window.of_days(NOON.date(), NOON.date())


def events(files: LogFiles, window: Window = DAY, reading: Reading | None = None) -> list[str]:
    return [entry["event"] for entry in files.entries("application", window, reading or Reading())]


def _only(wanted: int) -> Callable[[bytes], bool]:
    """Wants the block of that number."""
    numbers = itertools.count()
    return lambda _: next(numbers) == wanted


def test_the_lines_of_a_file_come_one_by_one_and_one_that_is_too_long_as_nothing() -> None:
    long = b"x" * (3 * LONGEST)
    text = b"first\n\n" + long + b"\nsecond\n" + long + b"\nthird"
    assert list(lines(io.BytesIO(text))) == [b"first", b"", None, b"second", None, b"third"]
    assert list(lines(io.BytesIO(long))) == [None]
    assert list(lines(io.BytesIO(b""))) == []
    many = b"".join(b"%d\n" % number for number in range(400_000))
    assert [int(one or 0) for one in lines(io.BytesIO(many))] == list(range(400_000))


def test_lines_of_blocks_that_are_not_wanted_are_left_out_and_no_others() -> None:
    some = [f"{number:06d} {'x' * (number % 977)}".encode() for number in range(9000)]
    text = b"\n".join(some) + b"\n"
    for wanted in range(5):
        found = list(lines(io.BytesIO(text), _only(wanted)))
        end = (wanted + 1) << 20
        first, last = text.count(b"\n", 0, wanted << 20), text.count(b"\n", 0, end)
        assert found == some[first:last]
        assert len(found) > 100


def test_entries_are_those_of_the_span_to_the_second(tmp_path: Path) -> None:
    second = timedelta(seconds=1)
    files = LogFiles(tmp_path)
    at = [DAY.start - second, DAY.start, NOON + timedelta(microseconds=5), DAY.end - second, DAY.end]
    write(files.path("application"), [line(moment, str(number)) for number, moment in enumerate(at)])
    assert events(files) == ["1", "2", "3"]


def test_lines_that_cannot_be_read_are_counted_and_passed_over(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    good = line(NOON, "good")
    odd = line(NOON, "half a character: \udcff")
    torn = good[: len(good) // 2]
    bad = [torn, "no json", "[]", "5", '"timestamp": "2024-03-15T12:00:00Z"', '{"timestamp": 5}', "{" * 5000, "\0\0"]
    write(files.path("application"), [good, *bad, odd, "", "   ", good + good])
    reading = Reading()
    assert events(files, reading=reading) == ["good", "half a character: \udcff"]
    assert (reading.entries, reading.broken) == (2, len(bad) + 2)


def test_a_message_that_looks_like_a_line_of_another_time_is_of_its_own(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    forged = '{"timestamp": "2030-01-01T00:00:00Z"}'
    nested = line(NOON, "nested", data={"timestamp": "2030-01-01T00:00:00Z"})
    compact = '{"timestamp":"2024-03-15T12:00:00Z","event":"compact"}'
    write(files.path("application"), [line(NOON, forged), nested, compact])
    assert events(files) == [forged, "nested", "compact"]


def test_skipping_blocks_finds_what_reading_everything_finds(tmp_path: Path) -> None:
    chance = random.Random(7)
    moments = [NOON + timedelta(seconds=second * 20 + chance.uniform(-30, 30)) for second in range(-15_000, 15_000)]
    text = "\n".join(line(moment, str(number), more="x" * 100) for number, moment in enumerate(moments))
    assert len(text) > 6 << 20
    for hours in (0.5, 3, 24):
        window = Window(NOON - timedelta(hours=hours), NOON + timedelta(hours=hours))
        expected = [number for number, moment in enumerate(moments) if window.start <= moment < window.end]
        assert len(expected) > 150
        found = [int(entry["event"]) for entry in entries(io.BytesIO(text.encode()), window, Reading())]
        assert found == expected


def test_files_that_were_put_aside_are_read_first_packed_or_not(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    day = timedelta(days=1)
    write(files.path("application"), [line(NOON, "now")])
    write(tmp_path / "application.log.20240315T080000.000001Z", [line(NOON, "aside")], NOON)
    packed = gzip.compress(f"{line(NOON, 'packed')}\n".encode())
    (tmp_path / "application.log.2.gz").write_bytes(packed)
    write(tmp_path / "application.log-20240301", [line(NOON - 14 * day, "too old")], NOON - 14 * day)
    write(tmp_path / "application.log.later", [line(NOON + 9 * day, "too young")])
    write(tmp_path / "applications.log", [line(NOON, "another's")])
    write(tmp_path / "access.log.1", [line(NOON, "another type")])
    assert events(files) == ["aside", "packed", "now"]
    assert [file.path.name for file in files.needed(["application"], DAY)] == [
        "application.log.20240315T080000.000001Z",
        "application.log.2.gz",
        "application.log",
    ]


@pytest.mark.parametrize("damage", ["cut off", "overwritten", "not packed"])
def test_a_packed_file_that_is_damaged_is_read_as_far_as_it_goes(damage: str, tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    packed = gzip.compress(f"{line(NOON)}\n".encode() * 100)
    left = {"cut off": packed[:-9], "overwritten": packed[:20] + b"\0" * 30, "not packed": b"no"}[damage]
    (tmp_path / "application.log.1.gz").write_bytes(left)
    write(files.path("application"), [line(NOON, "whole")])
    reading = Reading()
    assert events(files, reading=reading)[-1] == "whole"
    assert reading.broken == 1


def test_a_file_that_is_put_aside_while_it_is_read_is_read_once(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    path = write(files.path("application"), [line(NOON, "one"), line(NOON, "two")])
    write(tmp_path / "application.log.0", [line(NOON, "zero")], NOON)
    reader = files.entries("application", DAY, Reading())
    assert next(reader)["event"] == "zero"
    path.rename(tmp_path / "application.log.1")
    write(path, [line(NOON, "three")])
    assert [entry["event"] for entry in reader] == ["one", "two"]
    assert events(files) == ["zero", "one", "two", "three"]


def test_links_and_folders_are_no_log_files(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs")
    (tmp_path / "logs" / "application.log.1").mkdir(parents=True)
    (tmp_path / "logs" / "application.log.2").symlink_to(write(tmp_path / "precious", [line(NOON)]))
    assert files.all() == []
    assert events(files) == []


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "none")
    assert files.all() == []
    assert [list(files.entries(type, DAY, Reading())) for type in LOG_TYPES] == [[], [], [], []]


def test_the_application_log_may_lie_elsewhere_with_what_was_put_aside(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs", tmp_path / "other" / "api.log")
    write(tmp_path / "other" / "api.log", [line(NOON, "now")])
    write(tmp_path / "other" / "api.log.1", [line(NOON, "aside")], NOON)
    write(tmp_path / "logs" / "application.log", [line(NOON, "not ours")])
    assert events(files) == ["aside", "now"]


MEASURED = """
import resource, sys
from datetime import datetime
from pathlib import Path
from imagequarry.ops.log_reports import LogReports
from imagequarry.ops.log_rotation import LogRotation
from imagequarry.stores.log_files import LogFiles

files = LogFiles(Path(sys.argv[1]))
reports = LogReports(files, LogRotation(files, 1, 0))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
known = reports.day(datetime.fromisoformat(sys.argv[2]).date())
print(known.entries, known.broken, len(known.errors), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_reading_takes_the_same_memory_however_large_and_odd_the_files_are(tmp_path: Path) -> None:
    with (tmp_path / "application.log").open("w") as file:
        for number in range(40_000):
            word = "".join(chr(97 + int(digit)) for digit in str(number))
            file.write(line(NOON, f"{word} failed " + "y" * 400, "error") + "\n")
        file.write("z" * (70 << 20))  # one line, and it never ends
    assert (tmp_path / "application.log").stat().st_size > 80 << 20
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path), datetime.isoformat(NOON)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    entries, broken, patterns, kilobytes = map(int, done.stdout.split())
    assert (entries, broken, patterns) == (40_000, 1, 10)
    assert kilobytes < 30 << 10
