"""Weights outside the folder of weights: in folders that the settings name, and in Python packages."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from imagequarry.domain.card import ModelCard
from imagequarry.errors import ModelLoadFailed, ModelUnavailable
from imagequarry.models.cache import ByteCache
from imagequarry.models.catalogue import CATALOGUE, Entry, Hardware
from imagequarry.models.pool import ModelPool
from imagequarry.models.registry import Registry
from imagequarry.models.weights import WeightsFolder

WEIGHTS = b"the published weights"
CARD = ModelCard("clip", "image-vectors", "huggingface", "CLIP", "1", "MIT", "https://example.org", hub="openai/clip")
OBJECTS = replace(CARD, name="clip-objects", task="objects", runs_as="clip")
PACKED = replace(
    CARD,
    name="packed",
    packaged="package_with_weights/model",
    packaged_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
)


def filled(folder: Path, weights: bytes = WEIGHTS) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.mark.parametrize("card", [CARD, OBJECTS])
def test_a_folder_that_the_settings_name_goes_before_the_one_that_was_pulled(tmp_path: Path, card: ModelCard) -> None:
    filled(tmp_path / "models" / "clip")
    own = filled(tmp_path / "own")
    weights = WeightsFolder(tmp_path / "models", named={"clip": own})
    assert weights.find(card) == weights.require(card) == own
    assert weights.named_fault("clip") == ""
    assert [check.verdict for check in weights.verify(card)] == ["unknown", "unknown"]


def test_other_models_are_found_where_they_are(tmp_path: Path) -> None:
    folder = filled(tmp_path / "clip-large")
    weights = WeightsFolder(tmp_path, named={"clip": tmp_path / "own"})
    assert weights.find(replace(CARD, name="clip-large")) == folder
    assert weights.named_fault("clip-large") == ""


@pytest.mark.parametrize(
    ("without", "fault"),
    [
        (("config.json", "model.safetensors"), "is not there"),
        (("config.json",), "holds no config.json"),
        (("model.safetensors",), "holds no weights in the safetensors format"),
    ],
)
def test_what_is_wrong_with_a_named_folder_is_said_and_nothing_else_is_used(
    tmp_path: Path, without: tuple[str, ...], fault: str
) -> None:
    filled(tmp_path / "models" / "clip")
    own = filled(tmp_path / "own")
    for name in without:
        (own / name).unlink()
    if len(without) == 2:
        own.rmdir()
    else:
        (own / "pytorch_model.bin").touch()
    weights = WeightsFolder(tmp_path / "models", named={"clip": own})
    assert weights.find(CARD) is None
    assert [check.verdict for check in weights.verify(CARD)] == ["missing"]
    with pytest.raises(ModelUnavailable) as refusal:
        weights.require(CARD)
    assert refusal.value.message == f"The folder that the settings name for the weights of 'clip' {fault}."


def test_a_named_folder_is_never_removed(tmp_path: Path) -> None:
    own = filled(tmp_path / "own")
    weights = WeightsFolder(tmp_path / "models", named={"clip": own})
    with pytest.raises(ModelUnavailable, match="yours to remove"):
        weights.remove(CARD)
    assert (own / "model.safetensors").exists()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package with weights, which cannot be imported without being noticed."""
    folder = filled(tmp_path / "site" / "package_with_weights" / "model")
    (folder.parent / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_weights_in_a_package_are_found_without_importing_it(package: Path, tmp_path: Path) -> None:
    weights = WeightsFolder(tmp_path / "models")
    assert weights.require(PACKED) == package
    assert len(weights.digest(package, PACKED)) == 64
    assert [(check.file, check.verdict) for check in weights.verify(PACKED)] == [("model.safetensors", "ok")]
    assert "package_with_weights" not in sys.modules


def test_weights_that_were_pulled_go_before_those_in_a_package(package: Path, tmp_path: Path) -> None:
    folder = filled(tmp_path / "models" / "packed", b"others")
    weights = WeightsFolder(tmp_path / "models")
    assert weights.find(PACKED) == folder
    assert weights.digest(folder, PACKED)


def test_a_package_that_is_not_installed_has_no_weights(tmp_path: Path) -> None:
    card = replace(PACKED, packaged="no_such_package/model")
    with pytest.raises(ModelUnavailable, match="imagequarry models pull packed"):
        WeightsFolder(tmp_path).require(card)


def test_other_weights_in_a_package_are_not_loaded(package: Path, tmp_path: Path) -> None:
    loaded: list[Path | None] = []
    entry = Entry(PACKED, lambda weights, hardware: loaded.append(weights))
    registry = Registry((entry,), WeightsFolder(tmp_path), ModelPool(10), ByteCache(10), Hardware())
    stat = (package / "model.safetensors").stat()
    (package / "model.safetensors").write_bytes(WEIGHTS[::-1])
    os.utime(package / "model.safetensors", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    for _ in range(2):
        with pytest.raises(ModelLoadFailed, match="'package_with_weights' carries other weights of 'packed'"):
            registry.load("packed")
    assert loaded == []
    assert [check.verdict for check in WeightsFolder(tmp_path).verify(PACKED)] == ["damaged"]


def test_they_are_read_once_for_their_digest_and_again_when_they_change(package: Path, tmp_path: Path) -> None:
    weights = WeightsFolder(tmp_path)
    assert weights.known_digest(package) == ""
    digest = weights.digest(package, PACKED)
    assert weights.known_digest(package) == digest
    (package / "model.safetensors").write_bytes(b"others, and longer ones")
    with pytest.raises(ModelLoadFailed):
        weights.digest(package, PACKED)


def test_weights_in_a_package_are_never_removed(package: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="come with an installed Python package"):
        WeightsFolder(tmp_path).remove(PACKED)
    assert (package / "model.safetensors").read_bytes() == WEIGHTS


def test_how_a_model_puts_texts_together_is_part_of_its_digest(tmp_path: Path) -> None:
    folder = filled(tmp_path / "clip")
    weights = WeightsFolder(tmp_path)
    before = weights.digest(folder, CARD)
    (folder / "modules.json").write_text("[]")
    between = weights.digest(folder, CARD)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    assert len({before, between, weights.digest(folder, CARD)}) == 3


def test_the_real_package_carries_the_published_weights() -> None:
    card = next(entry.card for entry in CATALOGUE if entry.card.packaged)
    assert card.name == "all-MiniLM-L6-v2"
    weights = WeightsFolder(Path("nowhere"))
    assert [check.verdict for check in weights.verify(card)] == ["ok"]
    assert weights.digest(weights.require(card), card)
