"""What Google Drive says of itself and of a file that was put into it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriveFile:
    """A file in Google Drive: its id, and the address where a browser shows it."""

    file_id: str
    web_view: str


@dataclass(frozen=True, slots=True)
class DriveStatus:
    """Whether Drive is switched on, lets us in, and lets us put files into the folder they go to by default."""

    enabled: bool
    authenticated: bool
    folder_access: bool
