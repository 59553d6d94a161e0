"""Pictures that stay where they lie: one record for each path, read only while they are what was described."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from imagequarry.domain.described import ImageFile
from imagequarry.domain.records import StoredImage
from imagequarry.errors import Conflict, ImageNotFound, InvalidInput, JobNotFound, StorageFailure
from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.descriptions import Descriptions, keep
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations
from imagequarry.stores.tables import descriptions, image_files, image_objects, images, vectors
from tests.stores.gallery import Gallery, description
from tests.stores.samples import image, rectangle, segmentation


def nothing_more(_connection: Connection, _kept: StoredImage) -> None:
    pass


def add(library: Library, id: str, path: Path, data: bytes = b"picture") -> StoredImage:
    path.write_bytes(data)
    file = ImageFile(str(path), len(data), path.stat().st_mtime_ns)
    return library.add_file(image(id, data, filename=path.name), file, nothing_more)


def rows(database: Database) -> dict[str, int]:
    with database.read() as connection:
        tables = images, image_files, descriptions, image_objects, vectors
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }


def test_a_picture_is_read_from_the_file_it_lies_in(library: Library, blobs: FolderBlobs, tmp_path: Path) -> None:
    kept = add(library, "a", tmp_path / "a.png")
    assert library.read("a") == (kept, b"picture")
    assert list(blobs.digests()) == []
    library.add(image("b"), b"picture")
    library.sweep()
    assert library.read("a")[1] == b"picture"
    assert library.read("b")[1] == b"picture"


def test_the_blob_of_a_picture_goes_with_it_though_a_file_elsewhere_has_the_same_content(
    library: Library, blobs: FolderBlobs, tmp_path: Path
) -> None:
    add(library, "a", tmp_path / "a.png")
    library.add(image("b"), b"picture")
    library.delete("b")
    assert list(blobs.digests()) == []
    assert library.read("a")[1] == b"picture"


def test_deleting_a_picture_leaves_its_file_to_its_owner(
    library: Library, gallery: Gallery, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    gallery.hang("a", str(path), "a cat", "cat")
    library.delete("a")
    assert path.read_bytes() == b"picture"
    assert set(rows(database).values()) == {0}


def test_a_file_that_is_not_what_was_described_is_not_handed_out(library: Library, tmp_path: Path) -> None:
    path, secret = tmp_path / "a.png", tmp_path / "secret"
    add(library, "a", path)
    secret.write_bytes(b"picture")

    def is_refused() -> None:
        with pytest.raises(StorageFailure, match="process it again") as raised:
            library.read("a")
        assert str(tmp_path) not in f"{raised.value.message}{raised.value.details}"

    for changed in (b"pictur", b"picture!", b"PICTURE", b""):
        path.write_bytes(changed)
        is_refused()
    path.unlink()
    is_refused()
    path.symlink_to(secret)
    is_refused()
    path.unlink()
    os.mkfifo(path)
    is_refused()
    path.unlink()
    path.mkdir()
    is_refused()
    path.rmdir()
    path.write_bytes(b"picture")
    assert library.read("a")[1] == b"picture"


def test_a_path_that_is_known_keeps_its_id_and_its_time(library: Library, database: Database, tmp_path: Path) -> None:
    first = add(library, "a", tmp_path / "a.png")
    again = add(library, "b", tmp_path / "a.png")
    changed = add(library, "c", tmp_path / "a.png", b"another picture")
    assert again == first
    assert (changed.id, changed.created_at, changed.size_bytes) == ("a", first.created_at, 15)
    assert library.read("a") == (changed, b"another picture")
    assert rows(database)["images"] == rows(database)["image_files"] == 1
    assert add(library, "d", tmp_path / "A.png").id == "d"


def test_what_was_found_in_the_old_content_of_a_file_goes_and_stays_where_it_is_the_same(
    library: Library, gallery: Gallery, database: Database
) -> None:
    kept = gallery.hang("a", "/pictures/a.png", "a cat", "cat")
    Segmentations(database).add(segmentation("s", (rectangle(0, 0, 5, 5),), image_id="a", digest=kept.digest))
    with database.write() as connection:
        connection.execute(vectors.insert(), {"image_id": "a", "space": "text:m:1:2", "vector": bytes(8)})
    gallery.hang("b", "/pictures/a.png", "a dog", "dog")
    assert len(Segmentations(database).get("s").candidates) == 1
    assert rows(database)["vectors"] == 1
    gallery.hang("c", "/pictures/a.png", "a bird", "bird", data=b"another picture")
    with pytest.raises(JobNotFound):
        Segmentations(database).get("s")
    expected = {"images": 1, "image_files": 1, "descriptions": 1, "image_objects": 1, "vectors": 0}
    assert rows(database) == expected
    said = Descriptions(database).get("a").description
    assert said is not None
    assert said.caption == "a bird"


def test_what_fails_halfway_leaves_everything_as_it_was(library: Library, gallery: Gallery, database: Database) -> None:
    gallery.hang("a", "/pictures/a.png", "a cat", "cat")
    before = Descriptions(database).get("a")

    def fails(connection: Connection, kept: StoredImage) -> None:
        keep(connection, kept.id, description("a dog", "dog"))
        raise InvalidInput("This vector is too long.")

    for path in ("/pictures/a.png", "/pictures/b.png"):
        with pytest.raises(InvalidInput, match="too long"):
            library.add_file(image("b", b"another"), ImageFile(path, 7, 2), fails)
    with pytest.raises(InvalidInput, match="too long"):
        library.describe(before.image, fails)
    assert Descriptions(database).get("a") == before
    assert rows(database)["images"] == 1


def test_clients_that_process_one_path_at_once_end_with_one_record(library: Library, database: Database) -> None:
    for turn in range(3):
        path = f"/pictures/{turn}.png"
        gate = threading.Barrier(8)

        def process(number: int, path: str = path, turn: int = turn, gate: threading.Barrier = gate) -> str:
            gate.wait(10)
            data = b"changing %d" % (number % 2)
            said = description(f"caption {number}", "cat", f"object {number}")
            return library.add_file(
                image(f"{turn} {number}", data),
                ImageFile(path, len(data), number),
                lambda connection, kept: keep(connection, kept.id, said),
            ).id

        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(process, range(8)))
        assert len(ids) == 1
        counts = {"images": 1, "image_files": 1, "descriptions": 1, "image_objects": 2, "vectors": 0}
        assert rows(database) == {name: count * (turn + 1) for name, count in counts.items()}


def test_an_id_that_another_picture_has_is_a_conflict(library: Library, tmp_path: Path) -> None:
    library.add(image("a"), b"picture")
    with pytest.raises(Conflict):
        add(library, "a", tmp_path / "a.png", b"another")
    assert library.read("a")[1] == b"picture"


@pytest.mark.parametrize("path", ["a.png", "", "./a.png", "/a\0.png", "/\udcff.png"])
def test_a_path_that_cannot_be_kept_is_refused(library: Library, path: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        library.add_file(image("a"), ImageFile(path, 7, 1), nothing_more)
    assert "a.png" not in raised.value.message


def test_a_path_may_be_as_long_as_a_system_allows_and_hold_any_character(gallery: Gallery, database: Database) -> None:
    found = Descriptions(database)
    paths = [
        "/" + "/".join(["日" * 80] * 50) + "/a.png",
        "/tab\tline\n\x7f.png",
        "/👩‍👩‍👧/é.png",
        "/e\u0301.png",
        "/\u00e9.png",
    ]
    for number, path in enumerate(paths):
        picture, file = image(str(number)), ImageFile(path, 7, 1)
        gallery.library.add_file(picture, file, nothing_more)
    known = found.known_files([*paths, "/unknown", "/\udcff"])
    assert {path: file.image.id for path, file in known.items()} == {path: str(n) for n, path in enumerate(paths)}
    assert found.file_of("0") == ImageFile(paths[0], 7, 1)
    assert found.ids_below("/" + "/".join(["日" * 80] * 50)) == ["0"]


def test_a_picture_among_the_blobs_is_described_while_it_stays_what_it_was(
    library: Library, database: Database
) -> None:
    picture = image("a")
    library.add(picture, b"picture")
    library.describe(picture, lambda connection, kept: keep(connection, kept.id, description("a cat", "cat")))
    shown = Descriptions(database).get("a")
    assert (shown.image, shown.file, shown.description and shown.description.caption) == (picture, None, "a cat")
    with pytest.raises(Conflict, match="changed"):
        library.describe(image("a", b"another"), nothing_more)
    library.delete("a")
    with pytest.raises(ImageNotFound):
        library.describe(picture, nothing_more)


def test_what_lies_below_a_folder_is_found_in_the_index_of_paths(sqlite_database: Database, blobs: FolderBlobs) -> None:
    with sqlite_database.read() as connection:
        beginning = image_files.c.beginning
        query = select(image_files.c.image_id).where(beginning.between("/a/", "/a0"))
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}"), {"beginning_1": "/a/", "beginning_2": "/a0"})
        assert "USING INDEX ix_image_files_beginning" in str(plan.all())
    assert Images(sqlite_database).count() == 0
