"""/api/v1/admin: disk, files and their removal, for who keeps the server."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.image2model.dialect import NAME

router = APIRouter(prefix="/api/v1/admin", tags=[NAME])
