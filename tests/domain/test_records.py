"""A record that exists is valid, whoever made it of whatever a client sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from imagequarry.domain.records import Segmentation, StoredImage, is_digest, is_id
from imagequarry.errors import InvalidInput

IMAGE: dict[str, Any] = {
    "id": "a",
    "digest": "0" * 64,
    "filename": "a.png",
    "format": "PNG",
    "width": 1,
    "height": 1,
    "size_bytes": 1,
}
SEGMENTATION: dict[str, Any] = {
    "id": "s",
    "digest": "0" * 64,
    "width": 1,
    "height": 1,
    "operation": "single",
    "model": "region-tree",
}
NAIVE = datetime.fromisoformat("2026-11-21T12:00:00")


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "a\0"},
        {"id": "a" * 129},
        {"id": "\ud800"},
        {"digest": "0" * 63},
        {"digest": "0" * 64 + "\n"},
        {"digest": "A" * 64},
        {"filename": "a\0.png"},
        {"filename": "a" * 256},
        {"filename": "\udcff.png"},
        {"format": "P" * 17},
        {"width": 0},
        {"height": -1},
        {"width": 2**31},
        {"created_at": NAIVE},
    ],
)
def test_a_picture_that_could_not_be_kept_cannot_be_made(change: dict[str, Any]) -> None:
    StoredImage(**IMAGE)
    with pytest.raises(InvalidInput, match=r"^[A-Z].*\.$"):
        StoredImage(**(IMAGE | change))


def test_names_that_systems_give_to_files_are_fine() -> None:
    for name in ("Screenshot at 1.23.45\u202fPM.png", "", "写真\u3000一.jpg", "..", "a" * 255):
        assert StoredImage(**(IMAGE | {"filename": name})).filename == name


@pytest.mark.parametrize(
    "change",
    [{"id": "s\n"}, {"digest": ""}, {"width": 0}, {"model": "m" * 129}, {"created_at": NAIVE}, {"updated_at": NAIVE}],
)
def test_a_segmentation_that_could_not_be_kept_cannot_be_made(change: dict[str, Any]) -> None:
    Segmentation(**SEGMENTATION)
    with pytest.raises(InvalidInput):
        Segmentation(**(SEGMENTATION | change))


def test_new_records_are_dated_now_in_utc() -> None:
    offset = StoredImage(**IMAGE).created_at.utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0


def test_ids_and_digests_are_told_from_other_texts() -> None:
    assert is_id("img_20250804_123456_abc12345")
    assert is_id("猫 👨\u200d👩\u200d👧")
    assert not is_id("tab\t")
    assert is_digest("0123456789abcdef" * 4)
    assert not is_digest("٣" * 64)
