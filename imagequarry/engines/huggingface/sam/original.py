"""The checkpoints of the original SAM release as transformers models: names mapped, sizes read off the shapes."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

_HEADS_OF_DECODER = 8  # in every release; the one size that leaves no trace in the shapes

#: (pattern, replacement), applied in this order to an original name
_NAMES = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"^(vision_encoder)\.blocks\.", r"\1.layers."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"neck\.0\.", "neck.conv1."),
    (r"neck\.1\.", "neck.layer_norm1."),
    (r"neck\.2\.", "neck.conv2."),
    (r"neck\.3\.", "neck.layer_norm2."),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"point_embeddings\.", "point_embed."),
    (r"pe_layer\.positional_encoding_gaussian_matrix$", "shared_embedding.positional_embedding"),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"\.norm", ".layer_norm"),
    (r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.1\.", r"\1.layers.0."),
    (r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.2\.", r"\1.proj_out."),
)
_NOT_WEIGHTS = ("pixel_mean", "pixel_std")


class UnknownLayout(Exception):
    """The tensors are not those of an original SAM."""


def renamed(name: str) -> str:
    """The name in transformers of a tensor of the original release."""
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def from_original(state: object) -> Any:
    """The ``SamModel`` of an original state dict; UnknownLayout where it is of anything else or incomplete."""
    from transformers import SamModel

    if not isinstance(state, dict) or not all(isinstance(v, Tensor) and isinstance(k, str) for k, v in state.items()):
        raise UnknownLayout("it holds no plain list of tensors")
    try:
        config = config_of(state)
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise UnknownLayout("its tensors are those of another model") from error
    weights = {renamed(name): value for name, value in state.items() if name not in _NOT_WEIGHTS}
    shared = "prompt_encoder.shared_embedding.positional_embedding"
    if shared in weights:
        weights["shared_image_embedding.positional_embedding"] = weights[shared]
    try:
        # Nothing is allocated or drawn at random for tensors that the checkpoint replaces anyway.
        with torch.device("meta"):
            model: Any = SamModel(config)
        model.load_state_dict(weights, strict=True, assign=True)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UnknownLayout("its tensors do not fit together") from error
    model.prompt_encoder.shared_embedding.positional_embedding = model.shared_image_embedding.positional_embedding
    return model.float()


def config_of(state: dict[str, Tensor]) -> Any:
    """The ``SamConfig`` that the shapes of an original state dict tell of."""
    from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig

    hidden, channels, patch, _ = state["image_encoder.patch_embed.proj.weight"].shape
    grid = state["image_encoder.pos_embed"].shape[1]
    layers = _count(state, r"image_encoder\.blocks\.(\d+)\.")
    reach = [state[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape for i in range(layers)]
    whole = [i for i, shape in enumerate(reach) if shape[0] == 2 * grid - 1]
    windows = {(shape[0] + 1) // 2 for i, shape in enumerate(reach) if i not in whole}
    if len(windows) > 1:
        raise ValueError("windows of several sizes")
    vision = SamVisionConfig(
        hidden_size=hidden,
        output_channels=state["image_encoder.neck.0.weight"].shape[0],
        num_hidden_layers=layers,
        num_attention_heads=hidden // reach[0][1],
        num_channels=channels,
        image_size=grid * patch,
        patch_size=patch,
        mlp_dim=state["image_encoder.blocks.0.mlp.lin1.weight"].shape[0],
        window_size=windows.pop() if windows else 0,
        global_attn_indexes=whole,
        num_pos_feats=state["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].shape[1],
    )
    width = state["mask_decoder.iou_token.weight"].shape[1]
    prompt = SamPromptEncoderConfig(
        hidden_size=width,
        image_size=grid * patch,
        patch_size=patch,
        mask_input_channels=state["prompt_encoder.mask_downscaling.3.weight"].shape[0],
        num_point_embeddings=_count(state, r"prompt_encoder\.point_embeddings\.(\d+)\."),
    )
    inner = state["mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"].shape[0]
    decoder = SamMaskDecoderConfig(
        hidden_size=width,
        mlp_dim=state["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
        num_hidden_layers=_count(state, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        num_attention_heads=_HEADS_OF_DECODER,
        attention_downsample_rate=width // inner,
        num_multimask_outputs=state["mask_decoder.mask_tokens.weight"].shape[0] - 1,
        iou_head_depth=_count(state, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\."),
        iou_head_hidden_dim=state["mask_decoder.iou_prediction_head.layers.0.weight"].shape[0],
    )
    return SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)


def _count(state: dict[str, Tensor], pattern: str) -> int:
    found = {int(match[1]) for name in state if (match := re.match(pattern, name))}
    if found != set(range(len(found))) or not found:
        raise ValueError("layers are missing")
    return len(found)
