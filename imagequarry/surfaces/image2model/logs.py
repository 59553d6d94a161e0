"""/api/v1/logs: the log files: how large, what they tell, and out they go."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.image2model.dialect import NAME

router = APIRouter(prefix="/api/v1/logs", tags=[NAME])
