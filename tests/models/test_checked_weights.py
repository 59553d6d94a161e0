"""Weights with a record of what was checked: digests without reading, damage told, the disk freed and nothing else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from imagequarry.domain.card import ModelCard
from imagequarry.errors import Conflict, InvalidInput, ModelLoadFailed, ModelUnavailable
from imagequarry.models import manifest
from imagequarry.models.manifest import Manifest
from imagequarry.models.pulling import locked
from imagequarry.models.weights import WeightsFolder

RELEASED = b"the released weights"
CARD = ModelCard(
    "vit_b",
    "segment",
    "huggingface",
    "SAM",
    "1",
    "Apache-2.0",
    "https://example.org",
    hub="facebook/sam-vit-base",
    checkpoint="sam_vit_b_01ec64.pth",
    checkpoint_sha256=hashlib.sha256(RELEASED).hexdigest(),
)
EMBEDDED = ModelCard("region-tree", "segment", "embedded", "", "1", "MIT", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as a pull leaves it."""
    folder = tmp_path / "models" / "vit_b"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    files = tuple(manifest.recorded(folder / name) for name in ("config.json", "model.safetensors"))
    manifest.write(folder, Manifest("vit_b", CARD.hub, "0" * 40, files))
    return folder


def overwritten(path: Path, data: bytes) -> None:
    """Write other bytes and restore the times, as damage on a disk does."""
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_folder_is_present_only_with_every_recorded_file_in_its_size(folder: Path) -> None:
    weights = WeightsFolder(folder.parent)
    assert weights.find(CARD) == folder
    (folder / "model.safetensors").write_bytes(b"weight")
    assert weights.find(CARD) is None
    with pytest.raises(ModelUnavailable, match=r"incomplete\. To mend them: imagequarry models pull vit_b"):
        weights.require(CARD)


def test_a_second_file_of_weights_that_is_gone_is_missed(folder: Path) -> None:
    (folder / "more.safetensors").write_bytes(b"more")
    files = tuple(manifest.recorded(path) for path in sorted(folder.glob("*")) if path.name != manifest.MANIFEST)
    manifest.write(folder, Manifest("vit_b", CARD.hub, "0" * 40, files))
    (folder / "more.safetensors").unlink()
    assert WeightsFolder(folder.parent).find(CARD) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"model": "vit_b"}', b"\xff"])
def test_a_manifest_that_cannot_be_read_vouches_for_nothing(folder: Path, text: bytes) -> None:
    (folder / manifest.MANIFEST).write_bytes(text)
    assert WeightsFolder(folder.parent).find(CARD) is None


@pytest.mark.parametrize("name", ["../vit_h/model.safetensors", "/etc/passwd", ".hidden", "", "a/b"])
def test_a_manifest_that_names_files_elsewhere_is_none(folder: Path, name: str) -> None:
    path = folder / manifest.MANIFEST
    path.write_bytes(path.read_bytes().replace(b"config.json", name.encode()))
    assert manifest.read(folder) is None


def test_the_digest_of_untouched_weights_is_told_without_reading_them(folder: Path) -> None:
    weights = WeightsFolder(folder.parent)
    known = weights.known_digest(folder)
    assert known == weights.digest(folder, CARD)
    # Times unchanged: whoever read the file would see other bytes.
    overwritten(folder / "model.safetensors", b"WEIGHTS")
    assert weights.digest(folder, CARD) == known


def test_the_digest_is_the_same_with_and_without_a_manifest(folder: Path) -> None:
    recorded = WeightsFolder(folder.parent).digest(folder, CARD)
    (folder / manifest.MANIFEST).unlink()
    assert WeightsFolder(folder.parent).digest(folder, CARD) == recorded


def test_other_weights_have_another_digest(folder: Path) -> None:
    (folder / manifest.MANIFEST).unlink()
    weights = WeightsFolder(folder.parent)
    before = weights.digest(folder, CARD)
    (folder / "model.safetensors").write_bytes(b"Weights")
    assert weights.digest(folder, CARD) != before


def test_weights_without_a_record_are_hashed_once(folder: Path) -> None:
    (folder / manifest.MANIFEST).unlink()
    weights = WeightsFolder(folder.parent)
    assert weights.known_digest(folder) == ""
    digest = weights.digest(folder, CARD)
    overwritten(folder / "model.safetensors", b"WEIGHTS")
    assert weights.known_digest(folder) == weights.digest(folder, CARD) == digest


def test_touched_weights_that_are_no_longer_what_was_checked_are_not_loaded(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"WEIGHTS")
    os.utime(folder / "model.safetensors", (1, 1))
    with pytest.raises(ModelLoadFailed, match=r"damaged\. To mend them: imagequarry models pull vit_b") as refusal:
        WeightsFolder(folder.parent).digest(folder, CARD)
    assert str(folder.parent) not in refusal.value.message


def test_weights_that_were_only_touched_are_as_good_as_before(folder: Path) -> None:
    weights = WeightsFolder(folder.parent)
    before = weights.digest(folder, CARD)
    os.utime(folder / "model.safetensors", (1, 1))
    assert weights.digest(folder, CARD) == before


def verdicts(weights: WeightsFolder, card: ModelCard = CARD) -> list[tuple[str, str]]:
    return [(check.file, check.verdict) for check in weights.verify(card)]


def test_verifying_tells_sound_damaged_and_missing_files_apart(folder: Path) -> None:
    weights = WeightsFolder(folder.parent)
    assert verdicts(weights) == [("config.json", "ok"), ("model.safetensors", "ok")]
    overwritten(folder / "model.safetensors", b"WEIGHTS")
    (folder / "config.json").unlink()
    assert verdicts(weights) == [("config.json", "missing"), ("model.safetensors", "damaged")]


def test_verifying_what_is_not_there_tells_that_it_is_missing(tmp_path: Path) -> None:
    assert verdicts(WeightsFolder(tmp_path)) == [("vit_b/", "missing")]


def test_verifying_without_a_record_tells_the_digest(folder: Path) -> None:
    (folder / manifest.MANIFEST).unlink()
    checks = WeightsFolder(folder.parent).verify(CARD)
    assert {check.verdict for check in checks} == {"unknown"}
    assert {check.sha256 for check in checks} == {hashlib.sha256(data).hexdigest() for data in (b"{}", b"weights")}


@pytest.mark.parametrize(("data", "verdict"), [(RELEASED, "ok"), (RELEASED[:-1], "damaged")])
def test_a_released_checkpoint_is_compared_with_its_known_digest(tmp_path: Path, data: bytes, verdict: str) -> None:
    (tmp_path / CARD.checkpoint).write_bytes(data)
    assert verdicts(WeightsFolder(tmp_path)) == [(CARD.checkpoint, verdict)]


def test_a_checkpoint_of_ones_own_may_hold_anything(tmp_path: Path) -> None:
    own = tmp_path / "my_sam_vit_b.pth"
    own.write_bytes(b"tuned")
    assert verdicts(WeightsFolder(tmp_path / "models", own)) == [(own.name, "unknown")]


def test_the_checkpoint_that_the_settings_name_goes_before_the_folder(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "my_sam_vit_b.pth"
    own.write_bytes(b"tuned")
    assert WeightsFolder(folder.parent, own).find(CARD) == own


@pytest.mark.parametrize(
    ("name", "fault"),
    [("sam_vit_b.pth", "not there"), ("sam.pth", "tells no variant"), ("mobile_sam_vit_t.pth", "tells no variant")],
)
def test_a_checkpoint_setting_that_cannot_be_used_is_told_where_it_is_wanted(
    tmp_path: Path, name: str, fault: str
) -> None:
    weights = WeightsFolder(tmp_path / "models", tmp_path / name)
    assert fault in weights.checkpoint_fault()
    with pytest.raises(ModelUnavailable, match=fault) as refusal:
        weights.require(CARD)
    assert str(tmp_path) not in refusal.value.message


def test_no_checkpoint_setting_is_no_fault(tmp_path: Path) -> None:
    assert WeightsFolder(tmp_path).checkpoint_fault() == ""


def test_removing_frees_the_disk_of_folder_checkpoint_and_what_had_begun(folder: Path) -> None:
    root = folder.parent
    (root / CARD.checkpoint).write_bytes(RELEASED)
    (root / ".vit_b.part").mkdir()
    (root / ".vit_b.part" / "model.safetensors").write_bytes(b"begun")
    (root / "vit_h").mkdir()
    held = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    assert WeightsFolder(root).remove(CARD) == held
    assert [path.name for path in root.iterdir()] == ["vit_h"]


def test_removing_a_link_leaves_what_it_points_to(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "others"
    root.mkdir()
    (root / "vit_b").symlink_to(folder)
    weights = WeightsFolder(root)
    assert weights.find(CARD) is not None
    assert weights.remove(CARD) == 0
    assert list(root.iterdir()) == []
    assert (folder / "model.safetensors").read_bytes() == b"weights"


def test_a_checkpoint_elsewhere_is_never_removed(tmp_path: Path) -> None:
    own = tmp_path / "my_sam_vit_b.pth"
    own.write_bytes(b"tuned")
    with pytest.raises(ModelUnavailable, match="SAM_CHECKPOINT_PATH, which is yours to remove"):
        WeightsFolder(tmp_path / "models", own).remove(CARD)
    assert own.exists()


def test_removing_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        WeightsFolder(tmp_path).remove(CARD)


def test_a_model_without_weights_is_neither_verified_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "region-tree").mkdir()
    for act in (WeightsFolder(tmp_path).remove, WeightsFolder(tmp_path).verify):
        with pytest.raises(InvalidInput, match="needs no weights"):
            act(EMBEDDED)
    assert (tmp_path / "region-tree").is_dir()


def test_what_is_being_pulled_is_not_removed(tmp_path: Path) -> None:
    with locked(tmp_path / ".vit_b.part"), pytest.raises(Conflict):
        WeightsFolder(tmp_path).remove(CARD)
    assert (tmp_path / ".vit_b.part").is_dir()
