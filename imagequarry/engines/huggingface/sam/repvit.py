"""RepViT, the encoder inside EdgeTAM, under the names its published weights use.

transformers takes it from timm, which does not import without torchvision; this is the network alone, after "RepViT:
Revisiting Mobile CNN From ViT Perspective" (arXiv:2307.09283).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, EdgeTamConfig, PreTrainedConfig, PreTrainedModel

#: widths and depths of the four stages, by architecture
SIZES = {"repvit_m1": ((48, 96, 192, 384), (2, 2, 14, 2))}

_SQUEEZE = 4
_DIVISOR = 8


class RepVitConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Widths and depths of the stages."""

    model_type = "imagequarry_repvit"

    widths: list[int] | None = None
    depths: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Maps:
    """Feature maps (B, C, H, W) of the four stages, in the form EdgeTAM's neck asks for them."""

    last_hidden_state: list[Tensor]
    hidden_states: None = None


class RepVitBackbone(PreTrainedModel):  # type: ignore[no-untyped-call]
    """The encoder as EdgeTAM holds it: weights lie under ``timm_model``."""

    config_class = RepVitConfig
    main_input_name = "pixel_values"

    def __init__(self, config: RepVitConfig) -> None:
        super().__init__(config)
        self.timm_model = _Stages(config.widths or [], config.depths or [])
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, pixel_values: Tensor, **_: Any) -> Maps:
        return Maps(self.timm_model(pixel_values.to(self.dtype)))


def edgetam_config(settings: dict[str, Any]) -> EdgeTamConfig:
    """EdgeTAM's configuration from its ``config.json``, with our encoder in the place of timm's.

    ValueError where the encoder is of an architecture that is not known here.
    """
    AutoConfig.register(RepVitConfig.model_type, RepVitConfig, exist_ok=True)
    AutoModel.register(RepVitConfig, RepVitBackbone, exist_ok=True)
    vision = dict(settings.get("vision_config") or {})
    backbone = vision.pop("backbone_config", None) or {}
    if backbone.get("model_type") != RepVitConfig.model_type:
        architecture = str(backbone.get("architecture", "")).removeprefix("timm/").split(".")[0]
        if architecture not in SIZES:
            raise ValueError(f"unknown encoder {architecture!r}")
        widths, depths = SIZES[architecture]
        backbone = {"model_type": RepVitConfig.model_type, "widths": list(widths), "depths": list(depths)}
    vision.pop("model_type", None)
    parts = {key: settings[key] for key in ("prompt_encoder_config", "mask_decoder_config") if key in settings}
    return EdgeTamConfig(vision_config={**vision, "backbone_config": backbone}, **parts)


class _Stages(nn.Module):
    def __init__(self, widths: list[int], depths: list[int]) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv1", _conv(3, widths[0] // 2, 3, stride=2))
        self.stem.add_module("act1", nn.GELU())
        self.stem.add_module("conv2", _conv(widths[0] // 2, widths[0], 3, stride=2))
        self._names = []
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            stage = nn.Sequential()
            stage.add_module("downsample", _Downsample(widths[i - 1], width) if i else nn.Identity())
            # Every other block squeezes and excites, the first one included.
            stage.add_module("blocks", nn.Sequential(*(_Block(width, squeeze=j % 2 == 0) for j in range(depth))))
            self._names.append(f"stages_{i}")
            self.add_module(self._names[-1], stage)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        maps = []
        for name in self._names:
            x = self.get_submodule(name)(x)
            maps.append(x)
        return maps


class _Block(nn.Module):
    """Mixes positions by depthwise convolutions, then channels by a small MLP."""

    def __init__(self, width: int, *, squeeze: bool) -> None:
        super().__init__()
        self.token_mixer = _Mixer(width)
        self.se = _Squeeze(width) if squeeze else nn.Identity()
        self.channel_mixer = _mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.se(self.token_mixer(x))
        mixed: Tensor = x + self.channel_mixer(x)
        return mixed


class _Mixer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _conv(width, width, 3, groups=width)
        self.conv1 = _conv(width, width, 1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.conv(x) + self.conv1(x) + x
        return mixed


class _Squeeze(nn.Module):
    """Weighs channels by what the whole picture shows of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wanted = width / _SQUEEZE
        narrow = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
        self.fc1 = nn.Conv2d(width, narrow, 1)
        self.fc2 = nn.Conv2d(narrow, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.fc2(functional.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(weights)


class _Downsample(nn.Module):
    """Half the size, other width."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.pre_block = _Block(before, squeeze=False)
        self.spatial_downsample = _conv(before, before, 3, stride=2, groups=before)
        self.channel_downsample = _conv(before, width, 1)
        self.ffn = _mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.channel_downsample(self.spatial_downsample(self.pre_block(x)))
        mixed: Tensor = x + self.ffn(x)
        return mixed


def _mlp(width: int) -> nn.Sequential:
    layers = nn.Sequential()
    layers.add_module("conv1", _conv(width, 2 * width, 1))
    layers.add_module("act", nn.GELU())
    layers.add_module("conv2", _conv(2 * width, width, 1))
    return layers


def _conv(before: int, after: int, size: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias and its normalisation, named as published."""
    layers = nn.Sequential()
    layers.add_module("c", nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False))
    layers.add_module("bn", nn.BatchNorm2d(after))
    return layers
