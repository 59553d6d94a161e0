"""Embeddings: in memory, on disk across processes, computed once, and computed anew where a file is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagequarry.domain.geometry import Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.models.cache import EmbeddingKey
from imagequarry.models.embedding_store import EmbeddingFolder
from tests.fixtures.slow_segmenter import PackingSegmenter, SlowSegmenter, bench, raster

CLICK = Prompt((Point(3, 3),), (1,))


def click(engine: SlowSegmenter, root: Path, folder: EmbeddingFolder, seed: int = 0) -> object:
    """A click in a server that has just been started."""
    return bench(engine, root, folder).segmentation.prompted(raster(seed), [CLICK])


def files(root: Path) -> list[Path]:
    return sorted(root.glob("*.embedding"))


def test_an_embedding_survives_a_restart(tmp_path: Path) -> None:
    engine, folder = PackingSegmenter(), EmbeddingFolder(tmp_path, 10**6)
    first = click(engine, tmp_path, folder)
    assert click(engine, tmp_path, folder) == first
    assert engine.embeds == 1


def test_another_process_finds_it(tmp_path: Path) -> None:
    click(PackingSegmenter(), tmp_path, EmbeddingFolder(tmp_path, 10**6))
    code = (
        "import sys; from pathlib import Path; from tests.capabilities.test_embeddings import *; "
        "root, engine = Path(sys.argv[1]), PackingSegmenter(); "
        "click(engine, root, EmbeddingFolder(root, 10**6)); print(engine.embeds)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "0", done.stderr


def test_an_engine_that_cannot_pack_writes_nothing(tmp_path: Path) -> None:
    click(SlowSegmenter(), tmp_path, EmbeddingFolder(tmp_path, 10**6))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"32", b"32,32", b"\xff\x00", b"a,b,c"])
def test_a_damaged_file_is_computed_anew_and_replaced(tmp_path: Path, damage: bytes) -> None:
    engine, folder = PackingSegmenter(), EmbeddingFolder(tmp_path, 10**6)
    first = click(engine, tmp_path, folder)
    (kept,) = files(tmp_path)
    kept.write_bytes(damage)
    assert click(engine, tmp_path, folder) == first
    assert engine.embeds == 2
    click(engine, tmp_path, folder)
    assert engine.embeds == 2


def test_other_weights_and_other_pictures_have_embeddings_of_their_own(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path, 10**6)
    for number, key in enumerate(
        [
            EmbeddingKey("a", "m", "1"),
            EmbeddingKey("b", "m", "1"),
            EmbeddingKey("a", "n", "1"),
            EmbeddingKey("a", "m", "2"),
        ]
    ):
        assert folder.get(key) is None
        folder.put(key, str(number).encode())
    assert folder.get(EmbeddingKey("a", "m", "1")) == b"0"
    assert folder.get(EmbeddingKey("a", "m", "2")) == b"3"


def test_the_names_of_models_are_no_paths(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path / "inside", 10**6)
    folder.put(EmbeddingKey("../../a", "../b", "/c"), b"x")
    assert [path.parent.name for path in tmp_path.rglob("*.embedding")] == ["inside"]


def test_the_disk_never_holds_more_than_its_budget_and_the_longest_unused_goes(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path, 100)
    keys = [EmbeddingKey(str(number), "m", "1") for number in range(10)]
    for number, key in enumerate(keys):
        folder.put(key, b"x" * 25)
        for path in files(tmp_path):
            stat = path.stat()
            # A minute passes, so that the order does not hang on the file system's clock.
            os.utime(path, (stat.st_atime - 60, stat.st_mtime - 60))
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 100
        # The first one is used again and again.
        assert folder.get(keys[0]) is not None, number
    assert [folder.get(key) is not None for key in keys] == [True] + [False] * 6 + [True] * 3


def test_what_is_larger_than_the_budget_displaces_nothing(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path, 100)
    folder.put(EmbeddingKey("a", "m", "1"), b"x" * 100)
    folder.put(EmbeddingKey("b", "m", "1"), b"x" * 101)
    assert folder.get(EmbeddingKey("a", "m", "1")) is not None
    assert folder.get(EmbeddingKey("b", "m", "1")) is None


def test_a_folder_that_cannot_be_written_costs_only_the_memory_of_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    engine = PackingSegmenter()
    click(engine, tmp_path, EmbeddingFolder(tmp_path / "file" / "below", 10**6))
    assert engine.embeds == 1


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    old, new = tmp_path / "old.part", tmp_path / "new.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    folder = EmbeddingFolder(tmp_path, 100)
    folder.put(EmbeddingKey("a", "m", "1"), b"x")
    assert (old.exists(), new.exists()) == (False, True)


def test_unloading_a_model_gives_the_memory_of_its_embeddings_back(tmp_path: Path) -> None:
    engine = PackingSegmenter()
    server = bench(engine, tmp_path)
    server.segmentation.prompted(raster(), [CLICK])
    assert server.embeddings.figures().bytes == 1000
    assert server.registry.unload("slow") is True
    assert server.embeddings.figures().bytes == 0
    server.segmentation.prompted(raster(), [CLICK])
    assert engine.embeds == 2
