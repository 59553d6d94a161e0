"""Google Drive as this server uses it: is it there, and put a file into it."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

import httpx

from imagequarry.domain.drive import DriveFile, DriveStatus
from imagequarry.errors import InvalidInput, RemoteFailure
from imagequarry.stores.drive.calls import Calls, Patience
from imagequarry.stores.drive.login import Login, RefreshToken, ServiceAccount
from imagequarry.stores.drive.uploads import SMALL, in_chunks, in_one_request

_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_MEDIA_TYPE = re.compile(r"[a-z]{1,32}/[a-z0-9][a-z0-9.+-]{0,94}", re.ASCII | re.IGNORECASE)
_FOLDER = "application/vnd.google-apps.folder"
_PATIENCE = Patience()


class GoogleDrive:
    """One account and the folder its files go to by default. Used by many threads; ``close`` ends the connections.

    ``timeout`` in seconds is for each step of a request, ``status_seconds`` for the whole of ``status``.
    """

    def __init__(
        self,
        account: ServiceAccount | RefreshToken,
        folder_id: str | None = None,
        api_url: str = "https://www.googleapis.com",
        *,
        timeout: float = 30.0,
        status_seconds: float = 8.0,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._folder_id = folder_id
        self._status_seconds = status_seconds
        self._patience = patience
        # An answer may be 308, which is no redirect here; and nobody else shall be sent the token.
        self._client = httpx.Client(follow_redirects=False)
        self._calls = Calls(self._client, Login(account, self._client), api_url, timeout)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def status(self) -> DriveStatus:
        """Ask Google; never raises. What cannot be found out in ``status_seconds`` counts as refused."""
        until = time.monotonic() + self._status_seconds
        authenticated = False
        try:
            about = self._calls.api("GET", "/drive/v3/about", until, params={"fields": "storageQuota"}).body
            authenticated = True
            return DriveStatus(True, True, self._has_room(about, until))
        except RemoteFailure:
            return DriveStatus(True, authenticated, False)

    def upload(self, name: str, media_type: str, content: bytes | BinaryIO, folder_id: str | None = None) -> DriveFile:
        """Put the bytes, or all of the seekable file, into the folder, by default the configured one.

        Raises ``InvalidInput`` for a ``folder_id`` that is none or that this account cannot see, else
        ``RemoteFailure``.
        """
        if folder_id and not _ID.fullmatch(folder_id):
            raise InvalidInput("The folder id must be the last part of a Google Drive folder's address.")
        folder = folder_id or self._folder_id
        about = {"name": _label(name)} | ({"parents": [folder]} if folder else {})
        kind = _kind(media_type)
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            if size <= SMALL:
                return _file(in_one_request(self._calls, self._patience, about, kind, file.read()))
            return _file(in_chunks(self._calls, self._patience, about, kind, file, size))
        except RemoteFailure as error:
            if error.details.get("status") != httpx.codes.NOT_FOUND:
                raise
            advice = "does not exist, or was not shared with this server's account."
            if folder_id:
                raise InvalidInput(f"The Google Drive folder {advice}") from error
            raise RemoteFailure(f"The Google Drive folder DRIVE_FOLDER_ID {advice}", **error.details) from error

    def _has_room(self, about: Mapping[str, Any], until: float) -> bool:
        """Whether the default folder, or else the account's own root, takes files."""
        fields = {"fields": "mimeType,trashed,driveId,capabilities/canAddChildren", "supportsAllDrives": "true"}
        folder = self._calls.api("GET", f"/drive/v3/files/{self._folder_id or 'root'}", until, params=fields).body
        capabilities = folder.get("capabilities")
        may = isinstance(capabilities, dict) and capabilities.get("canAddChildren") is True
        is_folder = folder.get("mimeType") == _FOLDER and not folder.get("trashed")
        # In a shared drive files belong to the drive; elsewhere to the account, which must have room for them.
        return may and is_folder and ("driveId" in folder or not _is_full(about.get("storageQuota")))


def _is_full(quota: Any) -> bool:
    """Whether the account's storage is used up, which for one that has none it always is; no limit is never full."""
    try:
        return int(quota["usage"]) >= int(quota["limit"])
    except (KeyError, TypeError, ValueError):
        return False


def _label(name: str) -> str:
    """The name a file is given: what can be printed of its own name, without folders."""
    plain = "".join(c for c in re.split(r"[\\/]", name)[-1] if c.isprintable()).strip()
    return plain[-255:] or "file"


def _kind(media_type: str) -> str:
    """The media type without parameters. Google's own types would make Drive convert the file: they are not passed."""
    plain = media_type.partition(";")[0].strip()
    if not _MEDIA_TYPE.fullmatch(plain) or plain.lower().startswith("application/vnd.google-apps"):
        return "application/octet-stream"
    return plain


def _file(body: Mapping[str, Any]) -> DriveFile:
    id, link = body.get("id"), body.get("webViewLink")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise RemoteFailure("Google Drive did not tell the new file's id.")
    shown = link if isinstance(link, str) and link.startswith("https://") else None
    return DriveFile(id, shown or f"https://drive.google.com/file/d/{id}/view")
