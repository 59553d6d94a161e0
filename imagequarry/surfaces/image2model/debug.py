"""/api/v1/debug: what is known of a job."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.image2model.dialect import NAME

router = APIRouter(prefix="/api/v1/debug", tags=[NAME])
