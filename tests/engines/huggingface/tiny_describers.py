"""Tiny models that describe pictures, with seeded random weights and the words they need, in the hub's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage import data
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipTextConfig,
    BlipVisionConfig,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    SiglipConfig,
    SiglipModel,
    SiglipTextConfig,
    SiglipVisionConfig,
)

from imagequarry.domain.raster import Raster

SIDE = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("a", "cat", "dog", "on", "sofa", "the", "red", "house", "with", "two", "people", ".")
LAYERS: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


def picture(height: int, width: int, seed: int = 0) -> Raster:
    """A cut of a photograph, stretched by repetition."""
    rng = np.random.default_rng(seed)
    rows, columns = (np.sort(rng.integers(0, 512, size)) for size in (height, width))
    return Raster(np.ascontiguousarray(data.astronaut()[rows][:, columns]), digest=f"{height}x{width}-{seed}")


def pictures(number: int) -> list[Raster]:
    """Pictures of different sizes and forms."""
    return [picture(30 + 17 * i, 80 - 5 * i, i) for i in range(number)]


def blip(folder: Path, seed: int = 0) -> Path:
    """BLIP of two layers and 20 words."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate((*special, *WORDS))}
    # As published: the model knows two words more than the tokenizer, the first of which begins every sentence.
    known = len(vocabulary)
    text = BlipTextConfig(
        **LAYERS,
        vocab_size=known + 2,
        encoder_hidden_size=32,
        projection_dim=16,
        max_position_embeddings=64,
        bos_token_id=known,
        pad_token_id=0,
        eos_token_id=2,
        sep_token_id=3,
    )
    vision = BlipVisionConfig(**LAYERS, image_size=SIDE, patch_size=8, projection_dim=16)
    config = BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    _shaken(BlipForConditionalGeneration(config), seed).save_pretrained(folder)
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


def clip(folder: Path, seed: int = 0) -> Path:
    """CLIP of two layers that reads letter by letter."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    text = CLIPTextConfig(
        **LAYERS,
        vocab_size=len(tokens),
        max_position_embeddings=24,
        projection_dim=16,
        bos_token_id=len(tokens) - 2,
        eos_token_id=len(tokens) - 1,
        pad_token_id=len(tokens) - 1,
    )
    vision = CLIPVisionConfig(**LAYERS, image_size=SIDE, patch_size=8, projection_dim=16)
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    _shaken(CLIPModel(config), seed).save_pretrained(folder)
    CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[]).save_pretrained(folder)
    return folder


def siglip(folder: Path, seed: int = 0) -> Path:
    """SigLIP of two layers that reads letter by letter, its words in the form in which SigLIP 2 is published."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS, *LETTERS.upper()]
    text = SiglipTextConfig(**LAYERS, vocab_size=len(tokens), max_position_embeddings=24, projection_size=32)
    vision = SiglipVisionConfig(**LAYERS, image_size=SIDE, patch_size=8)
    config = SiglipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    model = _shaken(SiglipModel(config), seed)
    with torch.no_grad():
        model.logit_scale.fill_(3.0)
        model.logit_bias.fill_(-1.0)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, [], unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.add_special_tokens(tokens[:5])
    tokenizer.post_processor = processors.TemplateProcessing("$A <eos>", "$A <eos> $B <eos>", [("<eos>", 1)])
    tokenizer.enable_padding(length=64, pad_id=0, pad_token="<pad>")
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {f"{name}_token": f"<{name}>" for name in ("bos", "eos", "pad", "unk")}
    rest = {"add_bos_token": False, "add_eos_token": True, "tokenizer_class": "GemmaTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names | rest | {"model_max_length": 64}))
    return folder


def sentences(folder: Path, seed: int = 0) -> Path:
    """A sentence-transformers model of two layers and 12 words."""
    vocabulary = {word: i for i, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS))}
    config = BertConfig(**LAYERS, vocab_size=len(vocabulary), max_position_embeddings=32)
    _shaken(BertModel(config), seed).save_pretrained(folder)
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    parts = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(parts)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 16, "do_lower_case": false}')
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def _shaken(model: Any, seed: int) -> Any:
    """The model with weights large enough that different input gives clearly different output."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.3)
            elif "logit" not in name and name.endswith("bias"):
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.1)
    return model.eval()
