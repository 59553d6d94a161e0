"""/api/v1/models: which models are in memory, and loading them before the first request needs them."""

from __future__ import annotations

import time

from fastapi import APIRouter

from imagequarry.capabilities.preloading import Loading
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.context.dialect import NAME, timestamp
from imagequarry.surfaces.context.schemas import ContextModels, ModelsStatus, Preloaded, ServingModels, Timings
from imagequarry.surfaces.here import Here

router = APIRouter(prefix="/api/v1/models", tags=[NAME])

_NOTHING = Loading(0.0, 0.0)


@router.get("/status")
def status(here: Here) -> ModelsStatus:
    """Which models are in memory; nothing is loaded."""
    loaded = here.preloading.loaded()
    return ModelsStatus(
        models=ContextModels(
            blip_processor=loaded["caption"],
            blip_model=loaded["caption"],
            clip_processor=loaded["image-vectors"],
            clip_model=loaded["image-vectors"],
            sentence_transformer=loaded["text-vectors"],
        ),
        serving=_serving(here),
        segmentation_models={state.card.name: state.loaded for state in here.registry.states("segment")},
        device=here.registry.device(),
        timestamp=timestamp(),
    )


@router.post("/preload")
def preload(here: Here) -> Preloaded:
    """Load the model of every task and say how long each took; what is loaded already takes no time."""
    started = time.perf_counter()
    took = here.preloading.load()
    total = time.perf_counter() - started
    captions = took.get("caption", _NOTHING)
    pictures, objects = took.get("image-vectors", _NOTHING), took.get("objects", _NOTHING)
    text, segmentation = took.get("text-vectors", _NOTHING), took.get("segment", _NOTHING)
    serving = _serving(here)
    return Preloaded(
        success=True,
        timings=Timings(
            sentence_transformer=round(text.processor + text.model, 2),
            blip_processor=round(captions.processor, 2),
            blip_model=round(captions.model, 2),
            clip_processor=round(pictures.processor + objects.processor, 2),
            clip_model=round(pictures.model + objects.model, 2),
            segmentation_model=round(segmentation.processor + segmentation.model, 2),
            total=round(total, 2),
        ),
        serving=serving,
        segmentation_model=serving.segmentation,
        device=here.registry.device(),
        timestamp=timestamp(),
    )


def _serving(here: Runtime) -> ServingModels:
    names = {task: card.name if card else None for task, card in here.preloading.serving().items()}
    return ServingModels(
        caption=names["caption"],
        objects=names["objects"],
        image_vectors=names["image-vectors"],
        text_vectors=names["text-vectors"],
        segmentation=here.registry.choose(None, "segment").name,
    )
