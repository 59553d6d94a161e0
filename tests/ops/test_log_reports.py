"""What log files are found to tell: levels, patterns, times, days, and whether logging itself is well."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from imagequarry.ops.log_patterns import OTHERS, Words, error_of, message_pattern, path_pattern
from imagequarry.ops.log_reports import LogReports
from imagequarry.ops.log_rotation import LogRotation
from imagequarry.stores.log_files import LogFiles
from tests.fixtures.log_lines import NOON, ago, line, request, write

ID = "9183d2d0-38b6-4965-b7c5-dc07458720e2"


@pytest.fixture
def files(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path / "logs")


@pytest.fixture
def reports(files: LogFiles) -> LogReports:
    files.folder.mkdir()
    return LogReports(files, LogRotation(files, 10_000, 30))


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("Connection timeout", "Connection timeout"),
        ("took longer than its limit of 600 seconds", "took longer than its limit of # seconds"),
        ("worker 7 of 12 lost after 2.5 s", "worker # of # lost after # s"),
        (f"no job {ID}", "no job {id}"),
        ("no blob " + "ab" * 32, "no blob {id}"),
        ("There is no log type 'cats'.", "There is no log type {text}."),
        ('unexpected "x"\n  in line 3', "unexpected {text} in line #"),
        ("x" * 5000, "x" * 200),
        ("half \udcff", "half ?"),
        ("", ""),
    ],
)
def test_messages_that_say_the_same_have_one_pattern(message: str, pattern: str) -> None:
    assert message_pattern(message) == pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/api/v1/upload/", "/api/v1/upload/"),
        ("/api/v1/models/generate", "/api/v1/models/generate"),
        (f"/jobs/task-{ID}/status", "/jobs/{id}/status"),
        (f"/api/v1/download/{ID}/model.glb", "/api/v1/download/{id}/model.glb"),
        ("/images/12/info", "/images/{id}/info"),
        ("/blobs/" + "0f" * 16, "/blobs/{id}"),
        ("", ""),
        ("/" + "a/" * 5000, "/" + "a/" * 99 + "a"),
    ],
)
def test_paths_are_counted_without_their_ids(path: str, pattern: str) -> None:
    assert path_pattern(path) == pattern


def test_an_error_is_told_by_its_event_and_its_reason() -> None:
    assert error_of({"event": "the job failed", "reason": "No space left."}) == "the job failed: No space left."
    traceback = "Traceback (most recent call last):\n  File 'x'\nKeyError: 'cat'\n"
    assert error_of({"event": "unexpected error", "exception": traceback}) == "unexpected error: KeyError: {text}"
    assert error_of({"event": 5, "reason": ["x"], "exception": {}}) == "(no message)"


def test_words_are_counted_in_bounded_space() -> None:
    words = Words()
    for number in range(5000):
        words.add("often")
        words.add(f"word {number}")
    assert words.top(2) == {"often": 5000, OTHERS: 5000 - 1999}
    assert len(words.top(10_000)) == 2001


def test_an_analysis_counts_the_last_hours_of_one_log(files: LogFiles, reports: LogReports) -> None:
    failed = [line(ago(1), "the job failed", "error", reason=f"limit of {n} seconds") for n in range(3)]
    slow = [request(ago(2), "/segment/auto", 2500.0), request(ago(2), f"/jobs/{ID}", 100.0, 404)]
    odd = [
        line(ago(1), level="strange"),
        line(ago(1), "dead", "critical", duration_ms=float("nan")),
        line(ago(1), "x", "debug", duration_ms="9", path=5),
    ]
    old = [line(ago(25), "the job failed", "error"), request(ago(25), "/old", 9999.0)]
    write(files.path("celery_worker"), [*old, *failed, *slow, "torn", *odd])
    write(files.path("application"), [line(ago(1), "elsewhere", "error")])
    known = reports.analysis("celery_worker", 24)
    assert known.levels == {"ERROR": 3, "INFO": 2, "OTHER": 1, "CRITICAL": 1, "DEBUG": 1}
    assert known.errors == {"the job failed: limit of # seconds": 3, "dead": 1}
    assert known.paths == {"/segment/auto": 1, "/jobs/{id}": 1}
    assert (known.average, known.longest) == (1300.0, 2500.0)
    assert (known.entries, known.broken) == (8, 1)
    assert known.window.end - known.window.start == timedelta(hours=24, seconds=1)
    assert reports.analysis("celery_worker", 48).entries == 10


def test_a_day_counts_every_error_once(files: LogFiles, reports: LogReports) -> None:
    failed = line(NOON, "the job failed", "error")
    write(files.path("celery_worker"), [failed, line(NOON, "slow", "warning")])
    write(files.path("celery_errors"), [failed])
    write(files.path("application"), [line(NOON), line(NOON + timedelta(days=1))])
    write(files.path("access"), [request(NOON, f"/page/{chr(97 + n)}") for n in range(12)] + [request(NOON, "/page/a")])
    known = reports.day(NOON.date())
    assert known.entries == 2 + 1 + 13
    assert known.levels == {"ERROR": 1, "WARNING": 1, "INFO": 14}
    assert known.errors == {"the job failed": 1}
    assert len(known.paths) == 10
    assert next(iter(known.paths.items())) == ("/page/a", 2)


def test_statistics_tell_of_all_files_of_all_types(files: LogFiles, reports: LogReports) -> None:
    known = reports.statistics()
    assert (known.files, known.bytes, known.oldest, known.newest) == (0, 0, None, None)
    old, new = NOON - timedelta(days=3), NOON
    size = write(files.folder / "access.log.1", [line(old)], old).stat().st_size
    size += write(files.path("access"), [line(new)], new).stat().st_size
    size += write(files.path("celery_errors"), [], NOON - timedelta(days=1)).stat().st_size
    (files.folder / "notes.txt").write_text("mine")
    known = reports.statistics()
    assert (known.files, known.bytes, known.oldest, known.newest) == (3, size, old, new)
    assert known.by_type == {"celery_worker": 0, "celery_errors": 1, "application": 0, "access": 2}
    assert known.folder == str(files.folder)
    assert known.free > 0


def test_logging_is_well_until_it_cannot_write_or_files_grow_beyond_measure(
    files: LogFiles, reports: LogReports
) -> None:
    write(files.path("application"), [line(ago(2), "long ago", "error"), line(ago(0.5), "x", "error")])
    write(files.path("celery_worker"), [line(ago(0.1), "y", "critical")])
    write(files.path("celery_errors"), [line(ago(0.1), "y", "critical")])
    known = reports.health()
    assert (known.state, known.is_writable, known.is_rotated, known.errors) == ("healthy", True, True, 2)
    assert known.newest is not None
    write(files.path("access"), ["x" * 20_001])
    known = reports.health()
    assert (known.state, known.is_rotated) == ("degraded", False)
    shutil.rmtree(files.folder)
    known = reports.health()
    assert (known.state, known.is_writable, known.newest) == ("unhealthy", False, None)
