"""Models of several parts come from a hub with all their parts, and with nothing that could be executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imagequarry.domain.card import ModelCard
from imagequarry.errors import ModelUnavailable
from imagequarry.models.hub import Hub
from imagequarry.models.pulling import Puller
from imagequarry.models.weights import WeightsFolder
from tests.models.loopback_hub import LoopbackHub, serving

CARD = ModelCard("mini", "text-vectors", "huggingface", "", "1", "MIT", "https://example.org", hub="somebody/mini")
SENTENCES = {
    "config.json": b'{"model_type": "bert"}',
    "config_sentence_transformers.json": b"{}",
    "sentence_bert_config.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b'{"word_embedding_dimension": 384}',
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "special_tokens_map.json": b"{}",
    "vocab.txt": b"[PAD]",
    "model.safetensors": b"weights",
}
NOT_WANTED = {
    "pytorch_model.bin": b"a pickle",
    "1_Pooling/pytorch_model.bin": b"a pickle",
    "onnx/config.json": b"{}",
    "onnx/model.safetensors": b"of another library",
    "1_Pooling/deeper/config.json": b"{}",
    "../config.json": b"{}",
    "modeling_evil.py": b"",
    "tf_model.h5": b"",
    "unigram.json": b"{}",
}


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with serving(LoopbackHub(CARD.hub, SENTENCES | NOT_WANTED)) as hub:
        yield hub


def pull(hub: LoopbackHub, root: Path) -> bool:
    return Puller(root, Hub(hub.hub_url, timeout=5), pause=0).pull(CARD, lambda *step: None)


def is_present(root: Path) -> bool:
    return WeightsFolder(root).find(CARD) is not None


def test_a_model_made_of_parts_arrives_with_them(hub: LoopbackHub, tmp_path: Path) -> None:
    assert pull(hub, tmp_path) is True
    folder = tmp_path / "mini"
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del found["manifest.json"]
    assert found == SENTENCES
    assert is_present(tmp_path)
    (folder / "1_Pooling" / "config.json").unlink()
    assert not is_present(tmp_path)
    assert pull(hub, tmp_path) is True
    assert pull(hub, tmp_path) is False


def test_parts_that_an_interrupted_pull_left_are_cleared_and_it_goes_on(hub: LoopbackHub, tmp_path: Path) -> None:
    part = tmp_path / ".mini.part"
    for stray in ("2_Dense/model.safetensors", "1_Pooling/old.json", "1_Pooling/config.json"):
        (part / stray).parent.mkdir(parents=True, exist_ok=True)
        (part / stray).write_bytes(b"{")
    assert pull(hub, tmp_path) is True
    folder = tmp_path / "mini"
    assert [path.name for path in (folder / "1_Pooling").iterdir()] == ["config.json"]
    assert (folder / "1_Pooling" / "config.json").read_bytes() == SENTENCES["1_Pooling/config.json"]
    assert not list(folder.rglob("2_Dense/*"))


def test_a_repository_with_only_a_pickle_is_refused_in_a_sentence(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"a pickle"}
    with pytest.raises(ModelUnavailable, match=r"holds no weights in the safetensors format\.$"):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)
