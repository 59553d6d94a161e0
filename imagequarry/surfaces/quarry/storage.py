"""/storage/drive: the state of the Google Drive integration, and files sent there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, UploadFile

from imagequarry.surfaces.here import Here
from imagequarry.surfaces.quarry import replies
from imagequarry.surfaces.quarry.dialect import NAME
from imagequarry.surfaces.quarry.schemas import DriveFile, DriveFolderField, DriveStatus

router = APIRouter(prefix="/storage", tags=[NAME])


@router.get("/drive/status")
def drive_status(here: Here) -> DriveStatus:
    """Whether Google Drive is switched on, whether its key is accepted and its folder can be written to."""
    status = here.drive.status()
    return DriveStatus(enabled=status.enabled, authenticated=status.authenticated, folder_access=status.folder_access)


@router.post("/drive/upload")
def drive_upload(
    here: Here,
    file: Annotated[UploadFile, File(description="Any file.")],
    folder_id: DriveFolderField = None,
) -> DriveFile:
    """Send a file to Google Drive; nothing is kept here."""
    sent = here.drive.upload(file.filename or "", file.content_type or "", file.file, folder_id)
    return replies.drive_file(sent)
