"""Pictures reach a model as its published processor would hand them over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from imagequarry.engines.huggingface.pictures import CLIP_MEAN, CLIP_STD, HALF, Preparation
from imagequarry.errors import ModelLoadFailed
from tests.engines.huggingface.tiny_describers import picture

BLIP = Preparation(48, "stretch", Image.Resampling.BICUBIC, CLIP_MEAN, CLIP_STD)
CLIP = Preparation(48, "crop", Image.Resampling.BICUBIC, CLIP_MEAN, CLIP_STD)
SIGLIP = Preparation(48, "stretch", Image.Resampling.BILINEAR, HALF, HALF)

SQUARE = {"height": 48, "width": 48}
PUBLISHED: list[tuple[Preparation, Any]] = [
    (BLIP, BlipImageProcessorPil(size=SQUARE)),
    (CLIP, CLIPImageProcessorPil(size={"shortest_edge": 48}, crop_size=SQUARE)),
    (SIGLIP, SiglipImageProcessorPil(size=SQUARE, resample=2)),
]


@pytest.mark.parametrize(("preparation", "published"), PUBLISHED, ids=["blip", "clip", "siglip"])
@pytest.mark.parametrize(("height", "width"), [(48, 48), (300, 201), (201, 300), (20, 33), (47, 700), (1, 9)])
def test_values_are_those_of_the_published_processor(
    preparation: Preparation, published: Any, height: int, width: int
) -> None:
    image = picture(height, width)
    expected = published(Image.fromarray(image.rgb), return_tensors="np")["pixel_values"]
    values = preparation.values([image])
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(1, 4096), (4096, 1), (2, 3000)])
def test_a_strip_is_seen_in_its_middle_and_takes_no_memory(height: int, width: int) -> None:
    image = picture(height, width)
    values = CLIP.values([image])
    assert values.shape == (1, 3, 48, 48)
    assert np.isfinite(values).all()


def test_several_pictures_are_those_one_by_one() -> None:
    images = [picture(60, 90, 1), picture(90, 60, 2), picture(48, 48, 3)]
    np.testing.assert_array_equal(CLIP.values(images), np.concatenate([CLIP.values([image]) for image in images]))


def test_no_picture_gives_no_values() -> None:
    assert BLIP.values([]).shape == (0, 3, 48, 48)


@pytest.mark.parametrize(("named", "expected"), [(2, 2), (3, 3), (99, 2), ("x", 2), (None, 2), ([], 2)])
def test_a_release_may_name_its_resampling_if_it_is_one_we_know(tmp_path: Path, named: object, expected: int) -> None:
    assert SIGLIP.as_in(tmp_path) == SIGLIP
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"resample": named, "size": {"height": 10**9}}))
    found = SIGLIP.as_in(tmp_path)
    assert (found.resample, found.side) == (expected, 48)


def test_a_damaged_preprocessor_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(ModelLoadFailed, match=r"preprocessor_config\.json"):
        BLIP.as_in(tmp_path)
