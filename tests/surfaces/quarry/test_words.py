"""Words find things where SAM 3 is there, and say what is missing where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engines.huggingface.sam.test_words import published  # noqa: F401 - a fixture
from tests.fixtures.server import Site, open_site, pixels_in


def test_words_find_things_with_sam_3(tmp_path: Path, published: Path) -> None:  # noqa: F811
    shutil.copytree(published, tmp_path / "models" / "sam3")
    with open_site(tmp_path, model_cache_dir=tmp_path / "models", default_model="region-tree") as site:
        reply = site.segment("/segment/single", "chelsea", text="abc").json()
        named = site.segment("/segment/single", "chelsea", text="abc", model_type="sam3").json()
        listed = {model["name"]: model for model in site.client.get("/models/").json()["data"]}
        again = site.client.get(f"/segment/job/{reply['job_id']}").json()
    assert reply["model_type"] == named["model_type"] == "sam3-words"
    assert reply["total_masks"] == len(reply["masks"]) == named["total_masks"]
    for mask in reply["masks"]:
        assert pixels_in(mask["mask_data"]).sum() == mask["area"] > 0
        assert mask["confidence"] > 0.5
    assert again["masks"] == reply["masks"]
    assert listed["sam3-words"]["loaded"] is True
    assert listed["sam3"]["cached"] is True


def test_words_without_weights_say_how_to_get_them(unchanged: Site) -> None:
    reply = unchanged.segment("/segment/single", text="a cat")
    assert reply.status_code == 503
    assert reply.json()["error_code"] == "MODEL_ERROR"
    assert "imagequarry models pull sam3" in reply.json()["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "a cat", "model_type": "region-tree"},
        {"text": "a cat", "points": '[{"x": 0.5, "y": 0.5}]'},
        {"text": "a" * 257},
    ],
)
def test_words_that_cannot_be_answered_are_refused(unchanged: Site, fields: dict[str, str]) -> None:
    reply = unchanged.segment("/segment/single", **fields)
    assert reply.status_code == 422
    assert reply.json()["error_code"] == "VALIDATION_ERROR"
