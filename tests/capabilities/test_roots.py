"""Paths that callers name: below the roots they open, and everywhere else there is nothing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagequarry.capabilities.roots import Roots, shown
from imagequarry.errors import NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root with a file, a folder with a file, and a secret beside it."""
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"a")
    (root / "inner" / "b.jpg").write_bytes(b"b")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "root-of-another").mkdir()
    (tmp_path / "root-of-another" / "c.jpg").write_bytes(b"c")
    return root


@pytest.fixture
def roots(folder: Path) -> Roots:
    return Roots([folder])


def read(roots: Roots, path: object) -> bytes:
    with roots.open(str(path)) as (_, stream):
        return stream.read()


def refused(roots: Roots, path: object) -> None:
    with pytest.raises(NotFound) as caught, roots.open(str(path)):
        pass
    assert caught.value.message == f"Image file not found: {shown(str(path))}"


def test_a_file_below_a_root_opens_with_its_path_size_and_time(roots: Roots, folder: Path) -> None:
    with roots.open(str(folder / "inner" / "b.jpg")) as (file, stream):
        assert stream.read() == b"b"
    assert file.path == str(folder / "inner" / "b.jpg")
    assert (file.size_bytes, file.modified_ns) == (1, (folder / "inner" / "b.jpg").stat().st_mtime_ns)


def test_relative_paths_start_at_home_and_at_each_root(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "root-of-another"
    roots = Roots([other, folder], home=tmp_path)
    assert read(roots, "c.jpg") == b"c"
    assert read(roots, "inner/b.jpg") == b"b"
    assert read(roots, "./a.jpg") == b"a"
    assert read(roots, "root/a.jpg") == b"a"
    refused(roots, "secret.jpg")


def test_a_root_may_be_named_through_a_link_and_by_its_real_path(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "pictures"
    link.symlink_to(folder)
    roots = Roots([link])
    with roots.open(str(link / "a.jpg")) as (through_link, _), roots.open(str(folder / "a.jpg")) as (real, _):
        assert through_link.path == real.path == str(folder / "a.jpg")


def test_links_are_followed_as_long_as_they_stay_inside(roots: Roots, folder: Path) -> None:
    (folder / "alias.jpg").symlink_to("inner/b.jpg")
    (folder / "shelf").symlink_to(folder / "inner")
    assert read(roots, folder / "alias.jpg") == read(roots, folder / "shelf" / "b.jpg") == b"b"


def test_what_leads_out_or_is_not_there_is_the_same_nothing(roots: Roots, folder: Path, tmp_path: Path) -> None:
    (folder / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "out").symlink_to(tmp_path)
    (folder / "circle.jpg").symlink_to("circle.jpg")
    (folder / "hanging.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "in.jpg").symlink_to(folder / "a.jpg")
    for path in (
        folder / "missing.jpg",
        folder / "out.jpg",
        folder / "out" / "secret.jpg",
        folder / "circle.jpg",
        folder / "hanging.jpg",
        tmp_path / "secret.jpg",
        tmp_path / "in.jpg",
        tmp_path / "root-of-another" / "c.jpg",
        folder / ".." / "secret.jpg",
        folder / "inner" / ".." / "a.jpg",
        "../secret.jpg",
        "/etc/passwd",
        "/proc/self/environ",
        f"/proc/self/root{folder}/a.jpg",
        "~/a.jpg",
        "",
        ".",
        folder,
        folder / "inner",
        f"{folder}/a.jpg\0",
        f"{folder}/{'x' * 300}.jpg",
        f"{folder}/{'x/' * 5000}a.jpg",
        f"{folder}/\ud800.jpg",
        "//",
    ):
        refused(roots, path)


def test_fifos_sockets_and_devices_are_no_files(roots: Roots, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "fifo.jpg")
    refused(roots, folder / "fifo.jpg")
    monkeypatch.chdir(folder)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        refused(roots, folder / "socket.jpg")
    everything = Roots([Path("/")])
    for path in ("/dev/null", "/dev/zero", "/proc/self/environ", "/proc/self/mem", "/sys/kernel/uevent_seqnum"):
        refused(everything, path)
    assert read(everything, folder / "a.jpg") == b"a"


def test_a_path_that_is_no_text_is_refused_and_shown_as_far_as_it_goes(roots: Roots, folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    (folder / name).write_bytes(b"x")
    (folder / "alias.jpg").symlink_to(name)
    refused(roots, folder / name)
    refused(roots, folder / "alias.jpg")
    assert shown(name) == "caf\ufffd.jpg"


@pytest.mark.parametrize(
    "name", ["\U0001f408 Mieze.jpg", "\u00e9.jpg", "e\u0301.jpg", "two\nlines.jpg", " .jpg", "%2e%2e.jpg"]
)
def test_any_name_that_is_text_is_a_name(roots: Roots, folder: Path, name: str) -> None:
    (folder / name).write_bytes(name.encode())
    assert read(roots, folder / name) == name.encode()


def test_folders_are_found_as_files_are(roots: Roots, folder: Path, tmp_path: Path) -> None:
    (folder / "shelf").symlink_to("inner")
    (folder / "out").symlink_to(tmp_path)
    assert roots.folder(str(folder)) == roots.folder(".") == str(folder)
    assert roots.folder("shelf/") == roots.folder(f"{folder}/inner") == str(folder / "inner")
    for path in ("missing", "a.jpg", "out", "..", "/", "/etc", ""):
        with pytest.raises(NotFound, match=f"^Directory not found: {path}$"):
            roots.folder(path)


def test_a_file_that_becomes_a_link_in_the_wrong_moment_never_leads_out(folder: Path, tmp_path: Path) -> None:
    roots, stop = Roots([folder]), threading.Event()
    (tmp_path / "b.jpg").write_bytes(b"secret")
    swapped = folder / "inner"

    def swap() -> None:
        while not stop.is_set():
            swapped.rename(folder / "moved")
            swapped.symlink_to(tmp_path)
            swapped.unlink()
            (folder / "moved").rename(swapped)
            time.sleep(0.0002)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = set(outcomes(roots, folder / "inner" / "b.jpg", 1500))
    finally:
        stop.set()
        thread.join()
    assert b"b" in seen
    assert b"secret" not in seen


def outcomes(roots: Roots, path: Path, times: int) -> Iterator[bytes | None]:
    for _ in range(times):
        try:
            yield read(roots, path)
        except NotFound:
            yield None
