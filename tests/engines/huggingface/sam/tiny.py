"""Tiny models of every family with seeded random weights, made so that their masks are worth comparing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage import data
from transformers import (
    EdgeTamModel,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
    Sam3TrackerConfig,
    Sam3TrackerMaskDecoderConfig,
    Sam3TrackerModel,
    Sam3TrackerPromptEncoderConfig,
    Sam3VisionConfig,
    Sam3ViTConfig,
    SamConfig,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface.sam.repvit import edgetam_config

SIDE = 128
WIDTH = 32


def sam(seed: int = 0, *, tuned: bool = True) -> Any:
    """SAM of two layers, one with windows, on 128 pixels."""
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            mlp_dim=48,
            global_attn_indexes=[1],
            window_size=3,
            image_size=SIDE,
            output_channels=WIDTH,
            num_pos_feats=WIDTH // 2,
        ),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=WIDTH, image_size=SIDE),
        mask_decoder_config=SamMaskDecoderConfig(hidden_size=WIDTH, mlp_dim=64, iou_head_hidden_dim=WIDTH),
    )
    return shaken(SamModel(config), seed, tuned=tuned)


def sam2(seed: int = 0, *, tuned: bool = True) -> Any:
    """SAM 2 of four blocks on 128 pixels."""
    backbone = Sam2HieraDetConfig(
        hidden_size=16,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 96],
        num_attention_heads_per_stage=[1, 2, 2, 2],
        window_size_per_stage=[4, 4, 4, 2],
        global_attention_blocks=[3],
    )
    config = Sam2Config(
        vision_config=Sam2VisionConfig(
            backbone_config=backbone,
            backbone_channel_list=[96, 64, 32, 16],
            backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
            fpn_hidden_size=WIDTH,
        ),
        prompt_encoder_config=Sam2PromptEncoderConfig(hidden_size=WIDTH, image_size=SIDE),
        mask_decoder_config=Sam2MaskDecoderConfig(hidden_size=WIDTH, mlp_dim=64, iou_head_hidden_dim=WIDTH),
    )
    return shaken(Sam2Model(config), seed, tuned=tuned)


def edgetam(seed: int = 0, *, tuned: bool = True) -> Any:
    """EdgeTAM with the smallest RepViT of four stages, on 128 pixels."""
    settings = {
        "vision_config": {
            "backbone_config": {
                "model_type": "imagequarry_repvit",
                "widths": [8, 16, 24, 40],
                "depths": [1, 2, 2, 1],
            },
            "backbone_channel_list": [40, 24, 16, 8],
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
            "fpn_hidden_size": WIDTH,
        },
        "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": SIDE},
        "mask_decoder_config": {"hidden_size": WIDTH, "mlp_dim": 64, "iou_head_hidden_dim": WIDTH},
    }
    return shaken(EdgeTamModel(edgetam_config(settings)), seed, tuned=tuned)


def sam3_tracker_config() -> Sam3TrackerConfig:
    """SAM 3's tracker of two layers on 112 pixels."""
    backbone = Sam3ViTConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=112,
        window_size=4,
        global_attn_indexes=[1],
        pretrain_image_size=56,
    )
    return Sam3TrackerConfig(
        vision_config=Sam3VisionConfig(
            backbone_config=backbone,
            fpn_hidden_size=WIDTH,
            backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        ),
        prompt_encoder_config=Sam3TrackerPromptEncoderConfig(hidden_size=WIDTH, image_size=112),
        mask_decoder_config=Sam3TrackerMaskDecoderConfig(hidden_size=WIDTH, mlp_dim=64, iou_head_hidden_dim=WIDTH),
    )


def sam3(seed: int = 0, *, tuned: bool = True) -> Any:
    return shaken(Sam3TrackerModel(sam3_tracker_config()), seed, tuned=tuned)


def shaken(model: Any, seed: int, *, tuned: bool) -> Any:
    """The model with random weights; ``tuned`` so that masks are small and of many logits, which costs it precision."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.state_dict().items()):
            if not weight.is_floating_point() or "running_" in name:
                continue
            embedding = any(part in name for part in ("positional_embedding", "embed.weight", "token"))
            spread = 1.0 if embedding and tuned else 0.3 if tuned and "vision" not in name else 0.1
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            weight.copy_(centre + spread * torch.randn(weight.shape, generator=draw))
        model.tie_weights()
        model.eval()
        if tuned:
            _tune(model, draw)
    return model


def _tune(model: Any, draw: torch.Generator) -> None:
    """Bring the logits of each mask to a deviation of 40 with 6 % of them above zero, the IoU to 0.85 ± 0.1."""
    decoder = model.mask_decoder
    # One feature is made the same everywhere, so that a weight on it shifts a whole mask.
    decoder.upscale_conv2.bias[0] = 3
    decoder.upscale_conv2.weight[:, 0] = 0
    if hasattr(decoder, "conv_s0"):
        decoder.conv_s0.weight[0] = 0
        decoder.conv_s0.bias[0] = 0
    side = model.prompt_encoder.input_image_size
    pixels = torch.randn(1, 3, side // 8, side // 8, generator=draw).repeat_interleave(8, 2).repeat_interleave(8, 3)
    points = torch.rand(1, 16, 1, 2, generator=draw) * side
    answer = model(pixel_values=pixels, input_points=points, input_labels=torch.ones(1, 16, 1, dtype=torch.int64))
    last = decoder.iou_prediction_head.proj_out
    for i in range(3):
        logits = answer.pred_masks[0, :, i]
        head = decoder.output_hypernetworks_mlps[i + 1].proj_out
        scale = 40 / logits.std()
        head.weight.mul_(scale)
        head.bias.mul_(scale)
        head.bias[0] -= scale * logits.flatten().quantile(0.94) / torch.nn.functional.gelu(torch.tensor(3.0))
        scores = answer.iou_scores[0, :, i]
        if decoder.iou_prediction_head.sigmoid_output:
            scores = scores.logit()
        narrow = (1.0 if decoder.iou_prediction_head.sigmoid_output else 0.1) / scores.std()
        last.weight[i + 1].mul_(narrow)
        last.bias[i + 1] = last.bias[i + 1] * narrow - scores.mean() * narrow
        last.bias[i + 1] += 1.7 if decoder.iou_prediction_head.sigmoid_output else 0.85


def saved(model: Any, folder: Path) -> Path:
    """The model as a hub folder."""
    model.save_pretrained(folder)
    return folder


def picture(height: int, width: int, seed: int = 0) -> Raster:
    """A cut of a photograph, enlarged by repetition where it is too small."""
    rgb = data.astronaut()
    times = -(-height // rgb.shape[0]), -(-width // rgb.shape[1])
    rng = np.random.default_rng(seed)
    cut = np.tile(rgb, (*times, 1))
    y, x = (int(rng.integers(0, room + 1)) for room in (cut.shape[0] - height, cut.shape[1] - width))
    return Raster(np.ascontiguousarray(cut[y : y + height, x : x + width]), digest=f"{height}x{width}-{seed}")
