"""The bodies of surface B."""

from __future__ import annotations

from pydantic import BaseModel


class ContextModels(BaseModel):
    """Whether each model that describes pictures is in memory."""

    blip_processor: bool = False
    blip_model: bool = False
    clip_processor: bool = False
    clip_model: bool = False
    sentence_transformer: bool = False


class ModelsStatus(BaseModel):
    """What is in memory; ``segmentation_models`` are those that segment, by name."""

    models: ContextModels
    segmentation_models: dict[str, bool]
    device: str
    timestamp: str


class Preloaded(BaseModel):
    """How long loading took, in seconds; ``segmentation_model`` names the one that segments where nobody chooses."""

    success: bool
    timings: dict[str, float]
    segmentation_model: str
    device: str
    timestamp: str
