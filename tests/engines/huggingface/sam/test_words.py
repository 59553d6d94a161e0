"""SAM 3 from its published layout: the tracker for points, the detector for words."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer, Sam3Model, Sam3VideoConfig, Sam3VideoModel

from imagequarry.domain.geometry import Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.segmenter import Prompt
from imagequarry.engines.huggingface.sam import load, load_words
from imagequarry.engines.huggingface.sam.families import SAM3
from imagequarry.engines.huggingface.sam.preprocess import pixel_values
from imagequarry.errors import InvalidPrompt, ModelLoadFailed, ModelUnavailable
from tests.engines.huggingface.sam import tiny

WIDTH = tiny.WIDTH
ENDS = ["<|startoftext|>", "<|endoftext|>"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as SAM 3 is published: detector, tracker and tokenizer in one."""
    folder = tmp_path_factory.mktemp("sam3")
    parts = tiny.sam3_tracker_config()
    vision, prompts, masks = (
        getattr(parts, name).to_dict() for name in ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    )
    small = {"hidden_size": WIDTH, "num_attention_heads": 2}
    layer = small | {"num_layers": 1, "intermediate_size": 32}
    letters = string.ascii_lowercase
    vocabulary = {token: i for i, token in enumerate([*letters, *(letter + "</w>" for letter in letters), *ENDS])}
    text = small | {
        "vocab_size": len(vocabulary),
        "intermediate_size": 48,
        "projection_dim": 16,
        "num_hidden_layers": 1,
        "max_position_embeddings": 32,
        "model_type": "clip_text_model",
        "bos_token_id": vocabulary[ENDS[0]],
        "eos_token_id": vocabulary[ENDS[1]],
    }
    config = Sam3VideoConfig(
        detector_config={
            "vision_config": vision,
            "text_config": text,
            "geometry_encoder_config": layer,
            "detr_encoder_config": layer,
            "detr_decoder_config": layer | {"num_queries": 9},
            "mask_decoder_config": small,
        },
        tracker_config={
            "vision_config": vision,
            "prompt_encoder_config": prompts,
            "mask_decoder_config": masks,
            "memory_attention_hidden_size": WIDTH,
            "memory_attention_num_layers": 1,
            "memory_attention_feed_forward_hidden_size": 32,
            "memory_attention_rope_feat_sizes": [8, 8],
            "memory_encoder_hidden_size": WIDTH,
            "memory_encoder_output_channels": 16,
            "mask_downsampler_embed_dim": WIDTH,
            "memory_fuser_embed_dim": WIDTH,
            "memory_fuser_intermediate_dim": 32,
            "memory_fuser_num_layers": 1,
        },
    )
    torch.manual_seed(0)
    model: Any = Sam3VideoModel(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.copy_(0.2 * torch.randn(weight.shape))
    model.save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    # transformers writes the tracker's name twice; the published files have it once.
    once = {name.replace("tracker_model.tracker_model.", "tracker_model."): value for name, value in weights.items()}
    save_file(once, folder / "model.safetensors", metadata={"format": "pt"})
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


def test_words_find_what_the_published_model_finds(published: Path, device: str) -> None:
    image = tiny.picture(90, 120)
    ours = load_words(published, device)
    view = ours.embed(image)
    tokens = CLIPTokenizer.from_pretrained(published)(
        "red cup", return_tensors="pt", padding="max_length", max_length=32
    )
    detector: Any = Sam3Model.from_pretrained(published)
    detector.requires_grad_(False)
    with torch.no_grad():
        answer = detector(pixel_values=pixel_values(image.rgb, view.frame, SAM3), **tokens)
    sureness = answer.pred_logits[0].sigmoid() * answer.presence_logits[0].sigmoid()
    threshold = float(sureness.sort().values[4:6].mean())
    keep = [i for i in sureness.argsort(descending=True).tolist() if sureness[i] > threshold]
    full = functional.interpolate(answer.pred_masks.sigmoid(), (90, 120), mode="bilinear")[0]
    wanted = [(Mask.from_array((full[i] > 0.5).numpy()), float(sureness[i])) for i in keep]
    found = ours.find(view, "red cup", threshold)
    assert len(found) >= 2
    wanted = [pair for pair in wanted if pair[0].area]
    assert [one.mask for one in found] == [mask for mask, _ in wanted]
    assert [one.predicted_iou for one in found] == pytest.approx([score for _, score in wanted], abs=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_other_words_find_other_things(published: Path, device: str, dtype: str) -> None:
    ours = load_words(published, device, dtype)
    view = ours.embed(tiny.picture(90, 120))
    assert view.nbytes == view.seen.nbytes
    assert ours.find(view, "red cup", 0) != ours.find(view, "dog", 0)
    assert ours.find(view, "red cup", 1) == []
    assert ours.nbytes > 100_000


def test_more_words_than_the_model_reads_are_cut(published: Path) -> None:
    ours = load_words(published)
    view = ours.embed(tiny.picture(40, 40))
    assert ours.find(view, "cup " * 500, 0) == ours.find(view, "cup " * 400, 0)


def test_no_words_are_refused(published: Path) -> None:
    ours = load_words(published)
    with pytest.raises(InvalidPrompt):
        ours.find(ours.embed(tiny.picture(40, 40)), "  ")


def test_the_tracker_loads_from_the_same_folder(published: Path, device: str) -> None:
    segmenter = load(published, device)
    embedding = segmenter.embed(tiny.picture(90, 120))
    assert len(segmenter.predict(embedding, Prompt((Point(30, 40),), (1,)))) == 3


def test_models_that_take_no_words_say_so(published: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="take no words"):
        load_words(tiny.saved(tiny.sam(), tmp_path / "sam"))
    with pytest.raises(ModelUnavailable):
        load_words(tmp_path / "nothing")


def test_a_missing_tokenizer_is_said(published: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(published / name)
    with pytest.raises(ModelUnavailable, match="tokenizer"):
        load_words(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelLoadFailed, match="tokenizer"):
        load_words(tmp_path)
