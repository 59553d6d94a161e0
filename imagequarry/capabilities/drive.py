"""Sending files to Google Drive, where that is switched on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imagequarry.domain.drive import DriveFile, DriveStatus
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import QuarryError, RemoteNotSetUp
from imagequarry.stores.drive import GoogleDrive

log = logging.getLogger(__name__)

_UNWATCHED = Unwatched()


@dataclass(frozen=True, slots=True)
class Sent:
    """What reached Drive, in the order it was given, and sentences on what did not."""

    files: tuple[DriveFile, ...] = ()
    warnings: tuple[str, ...] = ()


class Drive:
    """Google Drive, or the lack of it."""

    def __init__(self, google: GoogleDrive | None) -> None:
        self._google = google

    def status(self) -> DriveStatus:
        """What Google says now, within some seconds; never raises."""
        return self._google.status() if self._google else DriveStatus(False, False, False)

    def upload(self, name: str, media_type: str, content: bytes | BinaryIO, folder_id: str | None = None) -> DriveFile:
        """Put a file into the folder, by default the configured one.

        Raises ``RemoteNotSetUp`` where Drive is not switched on, ``InvalidInput`` for a folder that is none or not
        to be seen, else ``RemoteFailure``.
        """
        if self._google is None:
            raise RemoteNotSetUp("Google Drive is not enabled on this server: GOOGLE_DRIVE_ENABLED is not set.")
        return self._google.upload(name, media_type, content, folder_id)

    def send(self, files: Sequence[Path], folder_id: str | None = None, watch: Watch = _UNWATCHED) -> Sent:
        """Send PNG files that are kept here as well: a failure ends the sending and is a warning, never an error.

        Raises only what ``watch`` does.
        """
        if self._google is None:
            return Sent(warnings=("Google Drive is not set up on this server; the objects are kept here.",))
        sent: list[DriveFile] = []
        for file in files:
            watch.check()
            try:
                with file.open("rb") as content:
                    sent.append(self._google.upload(file.name, "image/png", content, folder_id))
            except (QuarryError, OSError) as error:
                log.warning("sending to Google Drive failed", exc_info=True)
                why = error.message if isinstance(error, QuarryError) else "The next one could not be read again."
                told = f"{len(sent)} of {len(files)} objects were sent to Google Drive; all are kept here. {why}"
                return Sent(tuple(sent), (told,))
        return Sent(tuple(sent))

    def close(self) -> None:
        """Give the connections back."""
        if self._google is not None:
            self._google.close()
