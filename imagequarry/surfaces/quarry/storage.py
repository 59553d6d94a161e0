"""/storage/drive: the state of the Google Drive integration."""

from __future__ import annotations

from fastapi import APIRouter

from imagequarry.surfaces.here import Here
from imagequarry.surfaces.quarry.dialect import NAME
from imagequarry.surfaces.quarry.schemas import DriveStatus

router = APIRouter(prefix="/storage", tags=[NAME])


@router.get("/drive/status")
def drive_status(here: Here) -> DriveStatus:
    """Whether Google Drive is switched on, whether its key is accepted and its folder can be written to."""
    return DriveStatus(enabled=here.drive_enabled, authenticated=False, folder_access=False)
