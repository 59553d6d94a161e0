"""Whole folders: what is found in them, what is passed over, what fails alone, and stopping in the middle."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from imagequarry.capabilities.directories import Directories, FailedFile, Outcome, Tally
from imagequarry.capabilities.directories import outcome as outcomes
from imagequarry.capabilities.roots import Roots
from imagequarry.domain.described import ImageFile
from imagequarry.domain.records import utc_now
from imagequarry.errors import Cancelled, NotFound, StorageFailure
from tests.fixtures.describing import Colours, Desk, Models, drawing

NAMES = ("\U0001f408.png", "caf\u00e9.png", "cafe\u0301.png", "two\nlines.png", "UPPER.PNG", "a b'\"%_\\.png")


def found(desk: Desk, path: str = ".", recursive: bool = False) -> list[str]:
    """What a scan finds, relative to the folder; what failed in brackets."""
    return [
        f"[{os.path.relpath(one.path, desk.folder)}]"
        if isinstance(one, FailedFile)
        else os.path.relpath(one.path, desk.folder)
        for one in desk.directories.scan(path, recursive)
    ]


class Log:
    """A watch that remembers, and at some point does something or wants no more."""

    def __init__(self, at: int = 10**9, then: Callable[[], None] = lambda: None, stop: bool = False) -> None:
        self.told: list[tuple[float, str]] = []
        self._at = at
        self._then = then
        self._stop = stop

    def progress(self, fraction: float, message: str = "") -> None:
        self.told.append((fraction, message))
        if len(self.told) == self._at:
            self._then()

    def check(self) -> None:
        if self._stop and len(self.told) >= self._at:
            raise Cancelled


def test_a_scan_finds_pictures_by_their_names_in_a_fixed_order(desk: Desk) -> None:
    for name in ("b.JPG", "a.jpeg", "c.webp", "d.bmp", "e.tif", "f.tiff", "g.png", "inner/h.png", "inner/deep/i.png"):
        desk.draw(name)
    for name in ("notes.txt", ".hidden.png", "jpg", "a.gif", ".cache/j.png"):
        desk.draw(name)
    top = ["a.jpeg", "b.JPG", "c.webp", "d.bmp", "e.tif", "f.tiff", "g.png"]
    assert found(desk) == top
    assert found(desk, recursive=True) == [*top, "inner/h.png", "inner/deep/i.png"]
    assert found(desk, "inner") == ["inner/h.png"]
    file = next(desk.directories.scan("inner"))
    assert isinstance(file, ImageFile)
    state = (desk.folder / "inner" / "h.png").stat()
    assert (file.size_bytes, file.modified_ns) == (state.st_size, state.st_mtime_ns)


def test_links_are_followed_inside_once_and_never_out(desk: Desk, tmp_path: Path) -> None:
    desk.draw("inner/a.png")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(drawing())
    for link, target in {
        "inner/up": desk.folder,
        "inner/same": desk.folder / "inner",
        "out": tmp_path / "outside",
        "out.png": tmp_path / "outside" / "secret.png",
        "alias.png": desk.folder / "inner" / "a.png",
        "circle": desk.folder / "circle",
        "nowhere.png": desk.folder / "missing.png",
    }.items():
        (desk.folder / link).symlink_to(target)
    assert found(desk, recursive=True) == ["inner/a.png", "inner/a.png"]
    done = desk.directories.process(".", recursive=True)
    assert (done.total, done.failed) == (2, 0)
    assert desk.rows("images") == 1


def test_special_files_are_not_even_looked_at(desk: Desk) -> None:
    os.mkfifo(desk.folder / "fifo.png")
    (desk.folder / "folder.png").mkdir()
    desk.draw("a.png")
    assert found(desk, recursive=True) == ["a.png"]
    assert desk.directories.process(".", recursive=True).processed == 1


def test_a_folder_that_is_not_there_or_lies_elsewhere_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.draw("a.png")
    for path in ("missing", "a.png", "..", str(tmp_path), "/proc/self"):
        with pytest.raises(NotFound, match="Directory not found"):
            desk.directories.process(path)
        with pytest.raises(NotFound, match="Directory not found"):
            next(desk.directories.scan(path))


def test_a_folder_is_described_and_the_second_time_skipped(any_desk: Desk) -> None:
    paths = [any_desk.draw(name, seed) for seed, name in enumerate(NAMES)]
    log = Log()
    first = any_desk.directories.process(".", watch=log)
    assert (first.total, first.processed, first.skipped, first.failed) == (6, 6, 0, 0)
    assert len(set(first.processed_ids)) == 6
    assert {any_desk.descriptions.get(id).file for id in first.processed_ids} == {
        ImageFile(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths
    }
    assert list(dict.fromkeys(log.told)) == [(4 / 6, "Processing image 4 of 6"), (1.0, "Processing image 6 of 6")]
    again = any_desk.directories.process(".", watch=log)
    assert log.told[-1] == (1.0, "Processing image 6 of 6")
    assert (again.total, again.processed, again.skipped, again.failed) == (6, 0, 6, 0)
    assert again.processed_ids == ()
    any_desk.draw(NAMES[0], 77)
    third = any_desk.directories.process(".")
    assert (third.processed, third.skipped) == (1, 5)
    forced = any_desk.directories.process(".", force=True)
    assert (forced.processed, forced.skipped) == (6, 0)
    assert set(forced.processed_ids) == set(first.processed_ids)
    assert any_desk.rows("images") == 6


def test_an_empty_folder_is_done_at_once(desk: Desk) -> None:
    done = desk.directories.process(".")
    assert (done.total, done.processed_ids, done.failed_files) == (0, (), ())


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(desk: Desk) -> None:
    for n in range(6):
        desk.draw(f"good{n}.png", n)
    (desk.folder / "text.png").write_bytes(b"This is no picture.")
    (desk.folder / "cut.jpg").write_bytes(drawing(1, "JPEG")[:-200])
    (desk.folder / "empty.png").touch()
    odd = os.fsdecode(b"caf\xe9.png")
    (desk.folder / odd).write_bytes(drawing())
    (desk.folder / os.fsdecode(b"fold\xe9r")).mkdir()
    done = desk.directories.process(".", recursive=True)
    assert (done.total, done.processed, done.failed) == (11, 6, 5)
    reasons = {Path(file.path).name: file.reason for file in done.failed_files}
    assert reasons.keys() == {"text.png", "cut.jpg", "empty.png", "caf\ufffd.png", "fold\ufffdr"}
    assert reasons["empty.png"] == "The file is empty."
    assert "UTF-8" in reasons["caf\ufffd.png"]
    assert desk.rows("images") == 6
    reply = done.reply()
    assert set(reply["failed_files"]) == {file.path for file in done.failed_files}
    assert reply["failure_reasons"][str(desk.folder / "empty.png")] == "The file is empty."
    assert (reply["total_files"], reply["processed"], reply["skipped"], reply["failed"]) == (11, 6, 0, 5)


def test_a_picture_that_breaks_the_model_fails_alone(desk: Desk) -> None:
    for n in range(5):
        desk.draw(f"{n}.png", n)
    digest = desk.describer.take(str(desk.folder / "3.png")).raster.digest
    frail = desk.with_models(Models(Colours(broken=frozenset([digest]))))
    done = frail.directories.process(".")
    assert (done.processed, done.failed) == (4, 1)
    assert done.failed_files == (FailedFile(str(desk.folder / "3.png"), "The model could not describe this picture."),)


def test_a_folder_that_vanishes_on_the_way_is_named_and_the_rest_goes_on(desk: Desk) -> None:
    for n in range(4):
        desk.draw(f"{n}.png", n)
    desk.draw("inner/a.png", 5)
    desk.draw("later/b.png", 6)
    log = Log(1, lambda: shutil.rmtree(desk.folder / "inner"))
    done = Directories(desk.describer, batch=1, threads=1).process(".", recursive=True, watch=log)
    assert done.processed == 5
    assert [file.path for file in done.failed_files] in (
        [str(desk.folder / "inner")],
        [str(desk.folder / "inner/a.png")],
    )


def test_a_file_that_vanishes_on_the_way_fails_alone(desk: Desk) -> None:
    for n in range(12):
        desk.draw(f"{n:02}.png", n)
    log = Log(1, lambda: (desk.folder / "11.png").unlink())
    done = Directories(desk.describer, batch=2, threads=1).process(".", watch=log)
    assert (done.total, done.processed, done.failed) == (12, 11, 1)
    assert [Path(file.path).name for file in done.failed_files] == ["11.png"]


def test_the_folder_itself_may_vanish_on_the_way(desk: Desk) -> None:
    for n in range(12):
        desk.draw(f"album/{n:02}.png", n)
    log = Log(1, lambda: shutil.rmtree(desk.folder / "album"))
    done = Directories(desk.describer, batch=2, threads=1).process("album", watch=log)
    assert done.total == 12
    assert 2 <= done.processed <= 6
    assert done.processed + done.failed == 12


def test_cancelling_ends_soon_and_keeps_what_is_done(desk: Desk) -> None:
    for n in range(20):
        desk.draw(f"{n:02}.png", n)
    tally = Tally()
    with pytest.raises(Cancelled):
        desk.directories.process(".", watch=Log(2, stop=True), tally=tally)
    assert tally.outcome().processed == desk.rows("descriptions") == 8
    done = desk.directories.process(".")
    assert (done.processed, done.skipped) == (12, 8)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_a_second_try_counts_what_the_first_one_did_even_by_force(desk: Desk) -> None:
    for n in range(10):
        desk.draw(f"{n}.png", n)
    old = desk.directories.process(".")
    began = utc_now()
    with pytest.raises(Cancelled):
        desk.directories.process(".", force=True, watch=Log(1, stop=True))
    done = desk.directories.process(".", force=True, since=began)
    assert (done.total, done.processed, done.skipped) == (10, 10, 0)
    assert set(done.processed_ids) == set(old.processed_ids)
    assert set(desk.models.speaker.seen.values()) == {2}
    # Without force, what was known before the work began is skipped.
    later = desk.directories.process(".", since=utc_now() + timedelta(seconds=1))
    assert (later.processed, later.skipped) == (0, 10)


def test_two_who_process_one_folder_at_once_share_the_work(desk: Desk) -> None:
    for n in range(24):
        desk.draw(f"{n:02}.png", n)
    slow = desk.with_models(Models(Colours(pause=0.01)))
    results: list[Outcome] = []
    threads = [threading.Thread(target=lambda: results.append(slow.directories.process("."))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.processed + done.skipped for done in results] == [24] * 3
    assert slow.rows("images") == slow.rows("descriptions") == 24
    assert set(slow.models.speaker.seen.values()) == {1}


def test_results_name_so_many_and_count_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "MOST_NAMED", 3)
    for n in range(5):
        desk.draw(f"{n}.png", n)
        (desk.folder / f"broken{n}.png").write_bytes(b"x")
    done = desk.directories.process(".")
    assert (done.total, done.processed, done.failed) == (10, 5, 5)
    assert (len(done.processed_ids), len(done.failed_files)) == (3, 3)


def test_a_store_that_fails_ends_the_work_and_is_not_taken_for_a_bad_picture(desk: Desk) -> None:
    for n in range(8):
        desk.draw(f"{n}.png", n)

    def break_database() -> None:
        with desk.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE image_objects RENAME TO elsewhere")

    with pytest.raises(StorageFailure):
        desk.directories.process(".", watch=Log(1, break_database))
    assert desk.rows("images") == desk.rows("descriptions") == 4


def test_folders_outside_the_roots_are_read_by_a_describer_for_them(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(drawing(5))
    other = Directories(desk.describer.below(Roots([tmp_path / "elsewhere"])))
    done = other.process(str(tmp_path / "elsewhere"))
    assert done.processed == 1
    with pytest.raises(NotFound):
        desk.describer.file(str(tmp_path / "elsewhere" / "a.png"))


def test_memory_is_bounded_however_many_files_there_are(desk: Desk) -> None:
    """At no time are more pictures decoded than a batch and those that wait."""
    for n in range(60):
        desk.draw(f"{n:02}.png", n)
    alive: list[int] = []
    lock, taken, told = threading.Lock(), [0], [0]
    take = desk.describer.take

    def counting(path: str) -> object:
        with lock:
            taken[0] += 1
            alive.append(taken[0] - told[0])
        return take(path)

    class Done(Log):
        def progress(self, fraction: float, message: str = "") -> None:
            told[0] = round(fraction * 60)

    desk.describer.take = counting  # type: ignore[method-assign, assignment]
    assert Directories(desk.describer, batch=4, threads=2).process(".", watch=Done()).processed == 60
    assert max(alive) <= 4 + 4 + 2
