"""CLIP and SigLIP 2 give the vectors and scores that transformers would give, and name what reaches the threshold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from imagequarry.domain.describing import ReadsWords, TimesItsLoading
from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface import clip
from imagequarry.engines.huggingface.clip.engine import PICTURES_AT_ONCE, PROMPT, TEXTS_AT_ONCE, Clip
from imagequarry.engines.huggingface.clip.vocabulary import COCO, MOST_WORDS, VOCABULARY, words_of
from imagequarry.errors import InvalidInput, ModelFailure, ModelLoadFailed
from tests.engines.huggingface import tiny_describers as tiny
from tests.engines.huggingface.damage import DAMAGES, configured

WORDS = ("cat", "dog", "red house", "people", "sofa")
TEXTS = ["a cat", "A Cat", "two people on a red sofa", "", "x" * 500]


@dataclass(frozen=True)
class Pair:
    """A model as transformers runs it, and as we do, from the same folder."""

    folder: Path
    device: str
    ours: Clip
    model: Any
    values: Callable[[list[Raster]], torch.Tensor]
    tokens: Callable[[list[str]], dict[str, torch.Tensor]]


def clip_pair(folder: Path, device: str) -> Pair:
    tiny.clip(folder)
    processor = CLIPImageProcessorPil(size={"shortest_edge": tiny.SIDE}, crop_size={"height": 32, "width": 32})
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)

    def tokens(texts: list[str]) -> dict[str, torch.Tensor]:
        return dict(tokenizer(texts, padding=True, truncation=True, max_length=24, return_tensors="pt"))

    return Pair(
        folder,
        device,
        clip.load(folder, device, vocabulary=WORDS),
        transformers.CLIPModel.from_pretrained(folder),
        _by(processor),
        tokens,
    )


def siglip_pair(folder: Path, device: str) -> Pair:
    tiny.siglip(folder)
    processor = SiglipImageProcessorPil(size={"height": tiny.SIDE, "width": tiny.SIDE}, resample=2)
    # The published file itself, without what transformers makes of it.
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(24)
    tokenizer.enable_padding(length=24, pad_id=0, pad_token="<pad>", direction="right")

    def tokens(texts: list[str]) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.tensor([tokenizer.encode(text.lower()).ids for text in texts])}

    return Pair(
        folder,
        device,
        clip.load(folder, device, vocabulary=WORDS),
        transformers.SiglipModel.from_pretrained(folder),
        _by(processor),
        tokens,
    )


def _by(processor: Any) -> Callable[[list[Raster]], torch.Tensor]:
    return lambda images: processor([Image.fromarray(i.rgb) for i in images], return_tensors="pt")["pixel_values"]


@pytest.fixture(scope="module", params=[clip_pair, siglip_pair], ids=["clip", "siglip"])
def pair(request: pytest.FixtureRequest, device: str, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    found: Pair = request.param(tmp_path_factory.mktemp("pair"), device)
    return found


def units(features: torch.Tensor) -> Any:
    return torch.nn.functional.normalize(features.detach(), dim=1).numpy()


def test_image_vectors_are_those_of_transformers(pair: Pair) -> None:
    images = tiny.pictures(4)
    vectors = pair.ours.encode(images)
    assert vectors.shape == (4, pair.ours.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    expected = units(pair.model.get_image_features(pixel_values=pair.values(images)).pooler_output)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_words_are_put_where_transformers_puts_them(pair: Pair) -> None:
    vectors = pair.ours.encode_words(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    expected = units(pair.model.get_text_features(**pair.tokens(TEXTS)).pooler_output)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    # Neither model tells upper from lower case.
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_scores_are_those_of_transformers_and_the_surest_comes_first(pair: Pair) -> None:
    images = tiny.pictures(3)
    ours = clip.load(pair.folder, pair.device, vocabulary=WORDS, threshold=0)
    answer = pair.model(pixel_values=pair.values(images), **pair.tokens([PROMPT.format(word) for word in WORDS]))
    logits = answer.logits_per_image.detach()
    expected = logits.softmax(1) if isinstance(pair.model, transformers.CLIPModel) else logits.sigmoid()
    for tags, row in zip(ours.tags(images), expected.tolist(), strict=True):
        assert {tag.name: tag.score for tag in tags} == pytest.approx(dict(zip(WORDS, row, strict=True)), abs=1e-5)
        scores = [tag.score for tag in tags]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_only_what_reaches_the_threshold_is_named(pair: Pair) -> None:
    images = tiny.pictures(3)
    everything = clip.load(pair.folder, pair.device, vocabulary=WORDS, threshold=0).tags(images)
    threshold = sorted(tag.score for tags in everything for tag in tags)[7]
    some = clip.load(pair.folder, pair.device, vocabulary=WORDS, threshold=threshold).tags(images)
    assert some == [[tag for tag in tags if tag.score >= threshold] for tags in everything]
    assert 0 < sum(map(len, some)) < sum(map(len, everything))
    assert clip.load(pair.folder, pair.device, vocabulary=WORDS, threshold=1).tags(images) == [[], [], []]


def test_batches_are_what_single_ones_are(pair: Pair) -> None:
    images = tiny.pictures(4) * 5
    assert len(images) > PICTURES_AT_ONCE
    alone = np.concatenate([pair.ours.encode([image]) for image in images[:4]])
    np.testing.assert_allclose(pair.ours.encode(images), np.tile(alone, (5, 1)), atol=1e-5)
    texts = ["a cat", "two red dogs", ""] * 30
    assert len(texts) > TEXTS_AT_ONCE
    alone = np.concatenate([pair.ours.encode_words([text]) for text in texts[:3]])
    np.testing.assert_allclose(pair.ours.encode_words(texts), np.tile(alone, (30, 1)), atol=1e-5)


def test_nothing_gives_nothing(pair: Pair) -> None:
    assert pair.ours.encode([]).shape == pair.ours.encode_words([]).shape == (0, pair.ours.dimension)
    assert pair.ours.tags([]) == []


def test_many_threads_get_what_one_gets(pair: Pair) -> None:
    image, texts = tiny.picture(50, 60), ["a", "two people on a red sofa"] * 4
    expected, tags = pair.ours.encode_words(texts), pair.ours.tags([image])
    fresh = clip.load(pair.folder, pair.device, vocabulary=WORDS)
    with ThreadPoolExecutor(8) as threads:
        vectors = threads.map(lambda text: fresh.encode_words([text])[0], texts)
        seen = threads.map(lambda _: fresh.tags([image])[0], range(8))
        np.testing.assert_allclose(np.stack(list(vectors)), expected, atol=1e-5)
        assert all([tag.name for tag in found] == [tag.name for tag in tags[0]] for found in seen)


def test_bfloat16_is_close_and_holds_half_the_memory(pair: Pair) -> None:
    small = clip.load(pair.folder, pair.device, "bfloat16", WORDS)
    assert small.nbytes < 0.6 * pair.ours.nbytes
    images = tiny.pictures(4)
    for ours, theirs in [
        (small.encode(images), pair.ours.encode(images)),
        (small.encode_words(TEXTS), pair.ours.encode_words(TEXTS)),
    ]:
        assert ours.dtype == np.float32
        assert ((ours * theirs).sum(axis=1) > 0.99).all()


def test_it_reads_words_and_tells_how_long_it_took_to_load(pair: Pair) -> None:
    assert isinstance(pair.ours, ReadsWords)
    assert isinstance(pair.ours, TimesItsLoading)
    assert set(pair.ours.load_seconds) == {"processor", "model"}


@pytest.fixture
def copy(pair: Pair, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pair.folder, tmp_path / "model"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_whole_is_refused(copy: Path, damage: str) -> None:
    act, expected = DAMAGES[damage]
    act(copy)
    with pytest.raises(ModelFailure) as refusal:
        clip.load(copy)
    assert isinstance(refusal.value, expected)
    assert str(copy) not in refusal.value.message
    assert not (copy / "sprung").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"text_config": {"hidden_size": 64}},
        {"text_config": {"num_hidden_layers": 10**9}},
        {"text_config": {"vocab_size": 5}},
        {"vision_config": {"image_size": 320}},
        {"model_type": ["clip"]},
    ],
)
def test_a_hostile_configuration_is_refused(copy: Path, changes: dict[str, object]) -> None:
    configured(copy, **changes)
    with pytest.raises(ModelLoadFailed):
        clip.load(copy)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_outside_0_to_1_is_refused(pair: Pair, threshold: float) -> None:
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        clip.load(pair.folder, threshold=threshold)


def test_the_default_vocabulary_is_coco_and_scenes() -> None:
    assert len(COCO) == 80
    assert len(VOCABULARY) >= 140
    assert words_of(VOCABULARY) == VOCABULARY


def test_words_are_cleaned_and_each_is_looked_for_once() -> None:
    assert words_of(["Cat", " cat ", "red\n  House", "", "  "]) == ("cat", "red house")


@pytest.mark.parametrize("words", [[], [" "], ["x" * 81], ["a\x00b"], [str(i) for i in range(MOST_WORDS + 1)]])
def test_a_vocabulary_that_cannot_be_used_is_refused(words: list[str]) -> None:
    with pytest.raises(InvalidInput):
        words_of(words)
