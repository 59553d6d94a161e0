"""A writer that is killed in the middle leaves a store that can be read and that lies about nothing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.segmentations import Segmentations
from imagequarry.stores.words import Words

MASKS = 200
WRITER = """
import itertools, sys
from pathlib import Path
from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.library import Library
from tests.stores.samples import image, rectangle, segmentation

database = Database(sys.argv[1])
library = Library(database, FolderBlobs(Path(sys.argv[2])))
masks = (rectangle(1, 1, 20, 20),) * int(sys.argv[3])
for number in itertools.count():
    data = f"{sys.argv[4]} {number}".encode() * 20_000
    id = f"{sys.argv[4]} image {number}"
    picture = image(id, data, origin="sam2")
    library.store_with_masks(picture, data, segmentation(picture.digest, masks, image_id=id, digest=picture.digest))
    if number > 4:
        library.delete(f"{sys.argv[4]} image {number - 5}")
    if number == 5:
        print("writing", flush=True)
"""


DESCRIBER = """
import itertools, sys
from pathlib import Path
from imagequarry.stores.blobs import FolderBlobs
from imagequarry.stores.database import Database
from imagequarry.stores.library import Library
from tests.stores.gallery import Gallery

gallery = Gallery(Library(Database(sys.argv[1]), FolderBlobs(Path(sys.argv[2]))))
for number in itertools.count():
    said = f"{sys.argv[3]}x{number}"
    gallery.hang(said, f"/{number % 3}.png", said, "cat", said, data=said.encode())
    if number == 5:
        print("writing", flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_pictures_and_at_most_a_file_too_many(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "blobs"
    for turn in range(6):
        arguments = [database_url, str(folder), str(MASKS), f"turn {turn}"]
        with subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            time.sleep(0.013 * turn)
            writer.kill()
        blobs = FolderBlobs(folder)
        library = Library(database, blobs)
        listed = Images(database).page()
        assert listed
        for entry in listed:
            picture, data = library.read(entry.image.id)
            assert hashlib.sha256(data).hexdigest() == picture.digest
            found = Segmentations(database).latest_of_image(picture.id)
            assert found is not None
            assert (found.digest, len(found.candidates), entry.mask_count) == (picture.digest, MASKS, MASKS)
        assert library.sweep() <= 2
        assert set(blobs.digests()) == {entry.image.digest for entry in listed}
    if database.is_sqlite:
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_who_is_killed_while_describing_leaves_for_each_file_what_was_said_of_one_content(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    for turn in range(3):
        arguments = [database_url, str(tmp_path / "blobs"), f"turn{turn}"]
        with subprocess.Popen(
            [sys.executable, "-c", DESCRIBER, *arguments], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            time.sleep(0.011 * turn)
            writer.kill()
        shown = Descriptions(database).page()
        assert Images(database).count() == len(shown) == 3
        for picture in shown:
            assert picture.file is not None
            assert picture.description is not None
            said = picture.description.caption
            assert picture.image.digest == hashlib.sha256(said.encode()).hexdigest()
            assert [tag.name for tag in picture.description.objects] == ["cat", said]
            assert Words(database).search(said, 1)[0][0] == picture.image.id
