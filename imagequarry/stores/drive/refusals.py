"""What Google answered, as an error that says what to do; never in Google's own words, which may name a project."""

from __future__ import annotations

import re
from typing import Any

from imagequarry.errors import RemoteFailure

# Reasons of a 403 that waiting cures: https://developers.google.com/workspace/drive/api/guides/handle-errors
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_SENTENCES = {
    "storageQuotaExceeded": "Google Drive has no room for this account's files. A service account owns no storage: "
    "use a folder in a shared drive, or let the server act for a person with GOOGLE_DRIVE_SUBJECT.",
    "insufficientFilePermissions": "Google Drive does not let this account write there: share the folder with it as an "
    "editor, or as a content manager of the shared drive.",
    "accessNotConfigured": "The Google Drive API is not enabled in the Google Cloud project of this server's account.",
    "insufficientPermissions": "The Google account of this server was not granted access to Google Drive.",
    "dailyLimitExceeded": "The daily limit of requests to Google Drive is used up.",
    "teamDriveFileLimitExceeded": "The shared drive holds as many files as Google Drive allows.",
    "numChildrenInNonRootLimitExceeded": "The Google Drive folder holds as many files as Google Drive allows.",
}
_SENTENCES["insufficientParentPermissions"] = _SENTENCES["insufficientFilePermissions"]
_SENTENCES["teamDriveMembershipRequired"] = _SENTENCES["insufficientFilePermissions"]
_SENTENCES["quotaExceeded"] = _SENTENCES["storageQuotaExceeded"]


class Temporary(RemoteFailure):
    """Google Drive did not answer; trying again may help, after the ``wait`` in seconds that it asked for."""

    wait: float = 0.0


def temporary(message: str | None = None, wait: float = 0.0, **details: Any) -> Temporary:
    """A failure that another attempt may cure."""
    error = Temporary(message, **details)
    error.wait = wait
    return error


def refusal(status: int, body: Any, retry_after: str = "") -> RemoteFailure:
    """The error behind a reply that is no success; ``Temporary`` where another attempt may help."""
    reason = _reason(body)
    details = {"status": status} | ({"reason": reason} if reason else {})
    wait = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 5 else 0.0
    if status == 429 or (status == 403 and reason in _TOO_FAST):
        return temporary("Google Drive takes no more requests for now; try again later.", wait, **details)
    if status in (408, 500, 502, 503, 504):
        return temporary("Google Drive has trouble of its own; try again later.", wait, **details)
    if status == 401:
        return RemoteFailure("Google Drive did not accept this server's account.", **details)
    return RemoteFailure(_SENTENCES.get(reason, f"Google Drive refused with status {status}."), **details)


def _reason(body: Any) -> str:
    """The machine-readable reason, ``{"error": {"errors": [{"reason": …}]}}``; empty where there is none."""
    try:
        reason = body["error"]["errors"][0]["reason"]
    except (KeyError, IndexError, TypeError):
        return ""
    return reason if isinstance(reason, str) and re.fullmatch("[A-Za-z]{1,64}", reason) else ""
