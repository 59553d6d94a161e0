"""/models: which models there are, and loading and unloading them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from imagequarry.surfaces.here import Here
from imagequarry.surfaces.quarry import replies
from imagequarry.surfaces.quarry.dialect import NAME, envelope
from imagequarry.surfaces.quarry.schemas import Done, Enveloped, LoadedModel, ModelInfo

router = APIRouter(prefix="/models", tags=[NAME])


@router.get("/", response_model=Enveloped[list[ModelInfo]])
def list_models(
    here: Here,
    task: Annotated[Literal["segment", "all"], Query(description="all: also those that do not segment.")] = "segment",
) -> dict[str, Any]:
    """Every segmentation model: weights on this machine, in memory, and what it holds there."""
    states = here.registry.states()
    if task == "segment":
        states = here.registry.states("segment") + here.registry.states("segment-by-words")
    return envelope("Models retrieved successfully", [replies.model(state) for state in states])


@router.get("/{model_name}", response_model=Enveloped[ModelInfo])
def one_model(model_name: str, here: Here) -> dict[str, Any]:
    """One model."""
    return envelope("Model retrieved successfully", replies.model(here.registry.state(model_name)))


@router.post("/{model_name}/load", response_model=Enveloped[LoadedModel])
def load(model_name: str, here: Here) -> dict[str, Any]:
    """Load a model into memory."""
    state = here.registry.load(model_name)
    loaded = LoadedModel(name=state.card.name, loaded=True, memory_usage_mb=replies.megabytes(state.memory_bytes))
    return envelope("Model loaded successfully", loaded)


@router.delete("/{model_name}/unload", response_model=Done)
def unload(model_name: str, here: Here) -> dict[str, Any]:
    """Give a model's memory back; under a running request, as soon as that is done."""
    was_loaded = here.registry.unload(model_name)
    return envelope("Model unloaded successfully" if was_loaded else "Model was not loaded")
