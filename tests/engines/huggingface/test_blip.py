"""BLIP writes what transformers would write, in batches as one by one, and refuses what is no BLIP."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import BertTokenizer, BlipForConditionalGeneration
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

from imagequarry.domain.describing import TimesItsLoading
from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface import blip
from imagequarry.engines.huggingface.blip.captioner import BATCH, BlipCaptioner, sentence
from imagequarry.errors import ModelFailure, ModelLoadFailed, ModelUnavailable
from tests.engines.huggingface import tiny_describers as tiny
from tests.engines.huggingface.damage import DAMAGES, configured


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture(scope="module")
def captioner(folder: Path, device: str) -> BlipCaptioner:
    return blip.load(folder, device)


def published(folder: Path, images: list[Raster]) -> list[str]:
    """Captions as transformers' own parts make them."""
    model = BlipForConditionalGeneration.from_pretrained(folder)
    processor = BlipImageProcessorPil(size={"height": tiny.SIDE, "width": tiny.SIDE})
    values = processor([Image.fromarray(image.rgb) for image in images], return_tensors="pt")["pixel_values"]
    tokens = model.generate(pixel_values=values, max_new_tokens=40)
    return [
        text.strip() for text in BertTokenizer.from_pretrained(folder).batch_decode(tokens, skip_special_tokens=True)
    ]


def test_captions_are_those_of_transformers(folder: Path, captioner: BlipCaptioner) -> None:
    images = tiny.pictures(5)
    captions = captioner.captions(images)
    assert captions == [text.rstrip(". ") for text in published(folder, images)]
    assert len(set(captions)) > 1
    assert all(captions)


def test_more_pictures_than_a_batch_are_described_as_one_by_one(captioner: BlipCaptioner) -> None:
    images = tiny.pictures(BATCH + 3)
    assert captioner.captions(images) == [caption for image in images for caption in captioner.captions([image])]


def test_nothing_is_said_of_no_picture(captioner: BlipCaptioner) -> None:
    assert captioner.captions([]) == []


def test_many_threads_get_what_one_gets(captioner: BlipCaptioner) -> None:
    images = tiny.pictures(6)
    alone = captioner.captions(images)
    with ThreadPoolExecutor(6) as threads:
        assert [caption for [caption] in threads.map(lambda image: captioner.captions([image]), images)] == alone


@pytest.mark.parametrize("text", ["a cat on a sofa", " a cat on a sofa . ", "a cat on a sofa.", "a cat on a sofa..."])
def test_a_sentence_has_no_full_stop(text: str) -> None:
    assert sentence(text) == "a cat on a sofa"


def test_in_bfloat16_it_holds_half_the_memory(folder: Path, captioner: BlipCaptioner, device: str) -> None:
    small = blip.load(folder, device, "bfloat16")
    assert small.nbytes < 0.6 * captioner.nbytes
    assert len(small.captions(tiny.pictures(2))) == 2


def test_it_tells_how_long_it_took_to_load(captioner: BlipCaptioner) -> None:
    assert isinstance(captioner, TimesItsLoading)
    assert set(captioner.load_seconds) == {"processor", "model"}
    assert all(seconds > 0 for seconds in captioner.load_seconds.values())


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "blip"))


def test_a_folder_s_own_wishes_for_generation_are_not_obeyed(copy: Path, captioner: BlipCaptioner) -> None:
    configured(copy, text_config={"do_sample": True, "temperature": 50.0})
    (copy / "generation_config.json").write_text('{"do_sample": true, "temperature": 50.0, "max_new_tokens": 1}')
    images = tiny.pictures(4)
    assert blip.load(copy).captions(images) == captioner.captions(images)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_whole_is_refused(copy: Path, damage: str) -> None:
    act, expected = DAMAGES[damage]
    act(copy)
    with pytest.raises(ModelFailure) as refusal:
        blip.load(copy)
    assert isinstance(refusal.value, expected)
    assert str(copy) not in refusal.value.message
    assert not (copy / "sprung").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"text_config": {"hidden_size": 64}},
        {"text_config": {"hidden_size": "large"}},
        {"text_config": {"num_hidden_layers": 10**9}},
        {"text_config": {"vocab_size": 5}},
        {"vision_config": {"image_size": 320}},
        {"vision_config": {"hidden_act": "os.system"}},
        {"vision_config": None},
    ],
)
def test_a_hostile_configuration_is_refused(copy: Path, changes: dict[str, object]) -> None:
    configured(copy, **changes)
    with pytest.raises(ModelLoadFailed):
        blip.load(copy)


def test_a_configuration_chooses_no_code(copy: Path, captioner: BlipCaptioner) -> None:
    (copy / "evil.py").write_text("raise SystemExit('run')")
    configured(copy, auto_map={"AutoModel": "evil.Evil"}, quantization_config={"quant_method": "evil"})
    assert blip.load(copy).captions(tiny.pictures(1)) == captioner.captions(tiny.pictures(1))


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        blip.load(tmp_path / "nowhere")


def test_transformers_got_along_without_torchvision(captioner: BlipCaptioner) -> None:
    import sys

    assert captioner.nbytes > 0
    assert "torchvision" not in sys.modules
    assert torch.is_inference_mode_enabled() is False
