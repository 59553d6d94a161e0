"""/api/v1/health: how the server is, for people and for probes; and its metrics."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from imagequarry.surfaces import probing
from imagequarry.surfaces.image2model.dialect import NAME, timestamp

router = APIRouter(prefix="/api/v1/health", tags=[NAME])


class Liveness(BaseModel):
    """The process answers."""

    status: str
    timestamp: str


@router.get("/liveness")
async def liveness() -> Liveness:
    """Whether the process answers at all; it depends on nothing."""
    return await probing.probed(lambda: Liveness(status="alive", timestamp=timestamp()), alone=True)
