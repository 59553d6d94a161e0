"""The encoder attention without position matrices, against the published layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import SamVisionConfig
from transformers.models.sam.modeling_sam import SamVisionAttention

from imagequarry.engines.huggingface.sam import load
from imagequarry.engines.huggingface.sam.attention import RelativeAttention, quicken
from tests.engines.huggingface.sam import tiny
from tests.engines.huggingface.sam.conftest import Pair


@pytest.mark.parametrize("window", [0, 5])
def test_scores_and_values_are_those_of_the_published_layer(window: int, device: str) -> None:
    config = SamVisionConfig(hidden_size=48, num_attention_heads=3, image_size=128)
    layer: Any = SamVisionAttention(config, window)  # type: ignore[no-untyped-call]
    torch.manual_seed(window)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    layer.to(device)
    side = window or 8
    ours = RelativeAttention(layer, side, side)
    tokens = torch.randn(4, side, side, 48, device=device)
    with torch.inference_mode():
        wanted, _ = layer(tokens)
        assert torch.allclose(ours(tokens)[0], wanted, rtol=1e-4, atol=1e-4)
        layer.rel_pos_h.zero_()
        assert not torch.allclose(layer(tokens)[0], wanted, rtol=1e-2, atol=1e-2)


def test_a_whole_encoder_stays_the_same(device: str) -> None:
    model = tiny.sam(tuned=False).to(device)
    pixels = torch.randn(1, 3, tiny.SIDE, tiny.SIDE, device=device)
    with torch.inference_mode():
        wanted = model.get_image_embeddings(pixels)
        quicken(model.vision_encoder)
        assert all(isinstance(layer.attn, RelativeAttention) for layer in model.vision_encoder.layers)
        assert torch.allclose(model.get_image_embeddings(pixels), wanted, atol=1e-5)


def test_only_bfloat16_models_are_quickened(pair: Pair) -> None:
    kinds = {dtype: load(pair.folder, pair.device, dtype)._network._model for dtype in ("float32", "bfloat16")}
    found = {
        dtype: any(isinstance(part, RelativeAttention) for part in model.modules()) for dtype, model in kinds.items()
    }
    assert found == {"float32": False, "bfloat16": pair.network.family.name == "sam"}
