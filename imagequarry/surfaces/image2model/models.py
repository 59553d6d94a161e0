"""/api/v1/models: a model of one picture, asked for and fetched."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.image2model.dialect import NAME

router = APIRouter(prefix="/api/v1/models", tags=[NAME])
