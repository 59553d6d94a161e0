"""Files named by their content: whole or not there, kept once, and nowhere but below their folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from io import BytesIO
from pathlib import Path

import pytest

from imagequarry.errors import InvalidInput, NotFound, StorageFailure
from imagequarry.stores.blobs import FolderBlobs

DATA = b"granite" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_is_put_can_be_read_whole_and_as_a_file(blobs: FolderBlobs) -> None:
    assert blobs.put(DATA) == DIGEST
    assert blobs.exists(DIGEST)
    assert blobs.get(DIGEST) == DATA
    with blobs.open(DIGEST) as file:
        file.seek(7)
        assert file.read(7) == b"granite"
    assert list(blobs.digests()) == [DIGEST]


def test_the_same_bytes_are_kept_once_however_they_come(blobs: FolderBlobs, tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(DATA)
    with source.open("rb") as file:
        assert blobs.put(file) == DIGEST
    assert blobs.put(BytesIO(DATA)) == DIGEST
    assert blobs.put(DATA) == DIGEST
    assert files(tmp_path / "blobs") == [tmp_path / "blobs" / DIGEST[:2] / DIGEST[2:4] / DIGEST]


def test_an_empty_file_is_a_file(blobs: FolderBlobs) -> None:
    assert blobs.get(blobs.put(b"")) == b""


def test_what_is_deleted_is_gone_and_deleting_it_again_says_so(blobs: FolderBlobs) -> None:
    blobs.put(DATA)
    assert blobs.delete(DIGEST)
    assert not blobs.delete(DIGEST)
    assert not blobs.exists(DIGEST)
    with pytest.raises(NotFound):
        blobs.get(DIGEST)
    assert list(blobs.digests()) == []


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "../../etc/passwd",
        DIGEST[:-1],
        DIGEST.upper(),
        DIGEST + "\n",
        DIGEST[:-1] + "\0",
        "/" + DIGEST[1:],
        "٣" * 64,
    ],
)
def test_a_name_that_is_no_digest_is_refused(digest: str, blobs: FolderBlobs) -> None:
    for use in (blobs.get, blobs.open, blobs.exists, blobs.delete):
        with pytest.raises(InvalidInput):
            use(digest)


def test_a_source_that_breaks_off_leaves_nothing(blobs: FolderBlobs, tmp_path: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionResetError("the client went away")
            return super().read(size)

    with pytest.raises(StorageFailure):
        blobs.put(Broken(DATA * 1000))
    assert files(tmp_path / "blobs") == []


def test_only_leftovers_older_than_an_hour_are_swept_at_the_start(blobs: FolderBlobs, tmp_path: Path) -> None:
    unfinished = tmp_path / "blobs" / "unfinished"
    for name, age in (("old", 3700), ("young", 3500)):
        (unfinished / name).write_bytes(b"half")
        os.utime(unfinished / name, (time.time() - age,) * 2)
    blobs.put(DATA)
    assert [path.name for path in files(tmp_path / "blobs")].count("old") == 1
    FolderBlobs(tmp_path / "blobs")
    assert sorted(path.name for path in files(tmp_path / "blobs")) == sorted([DIGEST, "young"])
    assert list(blobs.digests()) == [DIGEST]


def test_readers_never_see_a_part_of_a_file(blobs: FolderBlobs) -> None:
    data = os.urandom(4 << 20)
    digest = hashlib.sha256(data).hexdigest()
    done = threading.Event()
    seen: set[int] = set()

    def watch() -> None:
        while not done.is_set():
            if blobs.exists(digest):
                seen.add(len(blobs.get(digest)))

    reader = threading.Thread(target=watch)
    reader.start()
    writers = [threading.Thread(target=blobs.put, args=(BytesIO(data),)) for _ in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join(30)
    time.sleep(0.05)
    done.set()
    reader.join(30)
    assert seen == {len(data)}


def test_a_folder_that_was_taken_away_is_a_storage_failure(blobs: FolderBlobs, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "blobs")
    with pytest.raises(StorageFailure):
        blobs.put(DATA)


def test_a_folder_that_cannot_be_written_is_a_storage_failure_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailure) as caught:
        FolderBlobs(tmp_path / "file" / "blobs")
    assert str(tmp_path) not in str(caught.value)
