"""A picture and its file are there together or not at all, however many people use them at once."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagequarry.errors import Conflict, ImageNotFound, InvalidInput, JobNotFound, StorageFailure
from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations
from tests.stores.samples import image, rectangle, segmentation

MASKS = tuple(rectangle(x, 0, 5, 5) for x in range(6))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def store(library: Library, id: str, data: bytes, masks: int, origin: str = "sam2") -> None:
    found = segmentation(f"{id}-{digest(data)[:8]}-{masks}", MASKS[:masks], image_id=id, digest=digest(data))
    library.store_with_masks(image(id, data, origin=origin), data, found)


def at_once(*works: Callable[[], object]) -> list[BaseException | None]:
    """Run all at the same moment; what each raised."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        gate.wait(10)
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.exception(60) for future in [pool.submit(run, work) for work in works]]


def check_whole(database: Database, blobs: FolderBlobs) -> None:
    """Every row has its file and every file a row."""
    kept = {listed.image.digest for listed in Images(database).page(10_000)}
    assert set(blobs.digests()) == kept
    assert all(digest(blobs.get(name)) == name for name in kept)


def test_a_picture_is_read_with_its_file(library: Library) -> None:
    library.add(image("a"), b"picture")
    assert library.read("a") == (library.read("a")[0], b"picture")
    with pytest.raises(ImageNotFound):
        library.read("b")


def test_the_same_bytes_are_kept_once_and_as_long_as_any_picture_has_them(
    library: Library, database: Database, blobs: FolderBlobs
) -> None:
    library.add(image("a"), b"picture")
    library.add(image("b"), b"picture")
    assert list(blobs.digests()) == [digest(b"picture")]
    library.delete("a")
    assert library.read("b")[1] == b"picture"
    assert Images(database).digest_in_use(digest(b"picture"))
    library.delete("b")
    assert list(blobs.digests()) == []
    assert not Images(database).digest_in_use(digest(b"picture"))
    with pytest.raises(ImageNotFound):
        library.delete("b")


def test_what_is_refused_leaves_neither_row_nor_file(library: Library, database: Database, blobs: FolderBlobs) -> None:
    library.add(image("a"), b"picture")
    with pytest.raises(Conflict):
        library.add(image("a", b"other"), b"other")
    with pytest.raises(InvalidInput):
        library.add(image("b"), b"not the picture")
    with pytest.raises(InvalidInput):
        library.store_with_masks(image("c"), b"picture", segmentation("s", image_id="a"))
    check_whole(database, blobs)
    assert library.read("a")[1] == b"picture"
    assert Images(database).count() == 1


def test_segmenting_a_picture_again_replaces_its_masks(
    library: Library, database: Database, blobs: FolderBlobs
) -> None:
    found = Segmentations(database)
    store(library, "a", b"first", 3)
    found.add(segmentation("click", MASKS[:1], image_id="a", operation="single"))
    store(library, "a", b"first", 5)
    latest = found.latest_of_image("a")
    assert latest is not None
    assert len(latest.candidates) == 5
    with pytest.raises(JobNotFound):
        found.get("click")
    check_whole(database, blobs)
    assert [listed.mask_count for listed in Images(database).page()] == [5]


def test_nobody_overwrites_another_picture(library: Library, database: Database, blobs: FolderBlobs) -> None:
    store(library, "a", b"first", 3)
    with pytest.raises(Conflict, match="different"):
        store(library, "a", b"second", 5)
    assert library.read("a")[1] == b"first"
    assert [listed.mask_count for listed in Images(database).page()] == [3]
    check_whole(database, blobs)


def test_one_surface_does_not_replace_the_picture_of_another(
    library: Library, database: Database, blobs: FolderBlobs
) -> None:
    store(library, "a", b"first", 3)
    with pytest.raises(Conflict, match="Another image"):
        store(library, "a", b"second", 5, origin="quarry")
    assert library.read("a")[1] == b"first"
    check_whole(database, blobs)


def test_masks_that_cannot_be_kept_leave_the_old_picture_as_it_was(
    library: Library, database: Database, blobs: FolderBlobs
) -> None:
    store(library, "a", b"first", 3)
    bad = segmentation("s", (*MASKS, rectangle(0, 0, 1, 1, float("nan"))), image_id="a", digest=digest(b"first"))
    with pytest.raises(InvalidInput):
        library.store_with_masks(image("a", b"first", origin="sam2"), b"first", bad)
    assert library.read("a")[1] == b"first"
    latest = Segmentations(database).latest_of_image("a")
    assert latest is not None
    assert len(latest.candidates) == 3
    check_whole(database, blobs)


def test_a_file_that_was_lost_is_said_to_be_missing(library: Library, blobs: FolderBlobs) -> None:
    library.add(image("a"), b"picture")
    blobs.delete(digest(b"picture"))
    with pytest.raises(StorageFailure, match="missing"):
        library.read("a")
    library.add(image("b"), b"picture")  # and comes back with the next upload
    assert library.read("a")[1] == b"picture"


def test_a_sweep_removes_files_without_a_picture_and_no_other(library: Library, blobs: FolderBlobs) -> None:
    library.add(image("a"), b"picture")
    for number in range(5):
        blobs.put(b"orphan %d" % number)
    assert library.sweep() == 5
    assert library.sweep() == 0
    assert library.read("a")[1] == b"picture"


def test_clients_that_store_one_id_at_once_end_with_one_of_their_states(
    library: Library, database: Database, blobs: FolderBlobs
) -> None:
    for _ in range(3):
        works = [lambda n=n: store(library, "same", b"picture", n) for n in range(1, 7)]
        assert at_once(*works) == [None] * 6
        latest = Segmentations(database).latest_of_image("same")
        assert latest is not None
        assert len(latest.candidates) in range(1, 7)
        assert [listed.mask_count for listed in Images(database).page()] == [len(latest.candidates)]
        check_whole(database, blobs)


def test_of_many_who_add_one_id_at_once_one_wins(library: Library, database: Database, blobs: FolderBlobs) -> None:
    works = [lambda n=n: library.add(image("same", b"%d" % n), b"%d" % n) for n in range(6)]
    assert Counter(type(error) for error in at_once(*works)) == {type(None): 1, Conflict: 5}
    check_whole(database, blobs)


def test_a_file_stays_while_others_delete_and_add_pictures_of_the_same_content(
    library: Library, database: Database, blobs: FolderBlobs
) -> None:
    def come_and_go(name: int) -> None:
        for turn in range(15):
            library.add(image(f"{name}-{turn}", b"shared"), b"shared")
            assert library.read(f"{name}-{turn}")[1] == b"shared"
            library.delete(f"{name}-{turn}")

    def sweep_often() -> None:
        for _ in range(30):
            library.sweep()

    assert at_once(*[lambda n=n: come_and_go(n) for n in range(4)], sweep_often) == [None] * 5
    check_whole(database, blobs)
    assert list(blobs.digests()) == []
