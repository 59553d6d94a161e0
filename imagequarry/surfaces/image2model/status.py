"""/api/v1/status: how far work is, asked for once or streamed."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.image2model.dialect import NAME

router = APIRouter(prefix="/api/v1/status", tags=[NAME])
