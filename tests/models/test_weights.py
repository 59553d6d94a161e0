"""The folder of weights: which layouts count, and what is said when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagequarry.domain.card import ModelCard
from imagequarry.errors import ModelUnavailable
from imagequarry.models.weights import WeightsFolder

CARD = ModelCard(
    "vit_b",
    "segment",
    "huggingface",
    "SAM",
    "1",
    "Apache-2.0",
    "https://example.org",
    checkpoint="sam_vit_b_01ec64.pth",
)


def touched(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def test_a_folder_with_configuration_and_safetensors_counts(tmp_path: Path) -> None:
    touched(tmp_path / "vit_b" / "config.json")
    touched(tmp_path / "vit_b" / "model-00001-of-00002.safetensors")
    assert WeightsFolder(tmp_path).find(CARD) == tmp_path / "vit_b"


@pytest.mark.parametrize("names", [(), ("config.json",), ("model.safetensors",), ("config.json", "pytorch_model.bin")])
def test_an_incomplete_folder_does_not_count(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        touched(tmp_path / "vit_b" / name)
    assert WeightsFolder(tmp_path).find(CARD) is None


def test_an_original_checkpoint_in_the_folder_counts(tmp_path: Path) -> None:
    checkpoint = touched(tmp_path / "sam_vit_b_01ec64.pth")
    assert WeightsFolder(tmp_path).find(CARD) == checkpoint


def test_the_checkpoint_of_another_variant_does_not_count(tmp_path: Path) -> None:
    touched(tmp_path / "sam_vit_h_4b8939.pth")
    assert WeightsFolder(tmp_path, touched(tmp_path / "elsewhere" / "sam_vit_h_4b8939.pth")).find(CARD) is None


def test_a_named_checkpoint_counts_wherever_it_lies(tmp_path: Path) -> None:
    checkpoint = touched(tmp_path / "elsewhere" / "my_sam_vit_b.pth")
    assert WeightsFolder(tmp_path / "models", checkpoint).find(CARD) == checkpoint


def test_a_named_checkpoint_that_is_not_there_does_not_count(tmp_path: Path) -> None:
    assert WeightsFolder(tmp_path, tmp_path / "sam_vit_b.pth").find(CARD) is None


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    assert WeightsFolder(tmp_path / "nowhere").find(CARD) is None


def test_absent_weights_are_an_error_that_says_how_to_get_them_and_names_no_path(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as refusal:
        WeightsFolder(tmp_path).require(CARD)
    assert "imagequarry models pull vit_b" in refusal.value.message
    assert refusal.value.details == {"model": "vit_b", "command": "imagequarry models pull vit_b"}
    assert str(tmp_path) not in refusal.value.message
