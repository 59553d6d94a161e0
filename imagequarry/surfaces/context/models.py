"""/api/v1/models: which models are in memory, and loading them before the first request needs them."""

from __future__ import annotations

import time

from fastapi import APIRouter

from imagequarry.surfaces.context.dialect import NAME, timestamp
from imagequarry.surfaces.context.schemas import ContextModels, ModelsStatus, Preloaded
from imagequarry.surfaces.here import Here

router = APIRouter(prefix="/api/v1/models", tags=[NAME])


@router.get("/status")
def status(here: Here) -> ModelsStatus:
    """Which models are in memory; nothing is loaded."""
    return ModelsStatus(
        # No model of this server describes pictures yet.
        models=ContextModels(),
        segmentation_models={state.card.name: state.loaded for state in here.registry.states("segment")},
        device=here.registry.device(),
        timestamp=timestamp(),
    )


@router.post("/preload")
def preload(here: Here) -> Preloaded:
    """Load the default models and say how long each took; what is loaded already takes no time."""
    card = here.registry.choose(None, "segment")
    started = time.perf_counter()
    here.registry.load(card.name)
    took = round(time.perf_counter() - started, 2)
    return Preloaded(
        success=True,
        timings={"segmentation_model": took, "total": took},
        segmentation_model=card.name,
        device=here.registry.device(),
        timestamp=timestamp(),
    )
