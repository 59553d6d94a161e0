"""/api/v1/upload: pictures in, to be made models of."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.image2model.dialect import NAME

router = APIRouter(prefix="/api/v1/upload", tags=[NAME])
