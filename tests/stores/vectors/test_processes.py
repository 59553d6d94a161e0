"""Many who write and search at once, in threads and in processes, some of them killed: nobody misses what is there."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from imagequarry.stores.database import Database
from imagequarry.stores.vectors import Vectors
from tests.stores.vectors.gallery import SPACE, Gallery, ids, names, unit

WRITER = """
import itertools, sys
from imagequarry.stores.database import Database
from tests.stores.vectors.conftest import ENGINES
from tests.stores.vectors.gallery import Gallery, names, unit

url, engine, prefix, batches = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
database = Database(url)
gallery = Gallery(database, ENGINES[engine](database))
rows = unit(batches * 10, seed=len(prefix))
for batch in range(batches):
    part = slice(10 * batch, 10 * batch + 10)
    gallery.hang(names(batches * 10, prefix)[part], rows[part])
    print(batch, flush=True)
print("done", flush=True)
sys.stdin.read()
"""


@contextmanager
def writer(url: str, engine: str, prefix: str, batches: int) -> Iterator[subprocess.Popen[str]]:
    """A process that hangs ten pictures at a time and says so after each commit."""
    command = [sys.executable, "-c", WRITER, url, engine, prefix, str(batches)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged(process: subprocess.Popen[str]) -> int:
    """The next batch that the process says it has committed."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line
    return -1 if line == "done\n" else int(line)


def test_a_reader_sees_what_two_other_processes_write(
    database: Database, database_url: str, engine: str, vectors: Vectors
) -> None:
    batches = 12
    with writer(database_url, engine, "a", batches) as one, writer(database_url, engine, "bb", batches) as two:
        for process, prefix in ((one, "a"), (two, "bb")):
            rows = unit(batches * 10, seed=len(prefix))
            while (batch := acknowledged(process)) >= 0:
                at = slice(10 * batch, 10 * batch + 10)
                found = [hits[0].image_id for hits in vectors.nearest(SPACE, rows[at], 1)]
                assert found == names(batches * 10, prefix)[at]
    assert vectors.count(SPACE) == 2 * batches * 10
    assert len(vectors.nearest(SPACE, unit(1), 1000)[0]) == 2 * batches * 10


def test_a_killed_writer_leaves_every_row_it_was_told_of(
    database: Database, database_url: str, engine: str, vectors: Vectors
) -> None:
    rows = unit(10_000, seed=4)
    for turn, told in enumerate((1, 6)):
        database_was = vectors.count(SPACE)
        with writer(database_url, engine, f"{turn}...", 1000) as process:
            while acknowledged(process) < told:
                pass
            process.kill()
        kept = vectors.count(SPACE) - database_was
        assert kept % 10 == 0
        assert kept >= 10 * (told + 1)
        found = vectors.nearest(SPACE, rows[:kept:7], turn + 1)
        expected = names(10_000, f"{turn}...")[:kept:7]
        assert all(name in ids(hits) for name, hits in zip(expected, found, strict=True))
    assert len(vectors.nearest(SPACE, rows[:1], 100_000)[0]) == vectors.count(SPACE)


def test_threads_search_while_others_write_and_delete(gallery: Gallery) -> None:
    rows, fixed, moving = unit(160), names(100, "fixed"), names(60, "moving")
    gallery.hang(fixed, rows[:100])
    gallery.see(fixed[:20], "oak")
    over = threading.Event()
    faults: list[BaseException] = []

    def look() -> None:
        try:
            while not over.is_set():
                (hits,) = gallery.vectors.nearest(SPACE, rows[3:4], 200)
                assert [id for id in ids(hits) if id in known] == order
                (hits,) = gallery.vectors.nearest(SPACE, rows[3:4], 5, objects=["oak"])
                assert ids(hits) == oaks
        except BaseException as fault:  # noqa: BLE001 - told in the main thread
            faults.append(fault)

    known, order, oaks = set(fixed), gallery.exhaustive(rows[3], 100), gallery.exhaustive(rows[3], 5, fixed[:20])
    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(8):
        gallery.hang(moving, rows[100:])
        # New rows for old pictures, with the vectors they had: a search must meet either the old or the new one.
        gallery.hang(fixed[turn::9], rows[turn:100:9])
        gallery.take_down(moving)
    over.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert ids(gallery.vectors.nearest(SPACE, rows[3:4], 200)[0]) == order
