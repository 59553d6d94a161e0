"""The two ways a file gets into Drive: in one request while it is small, in chunks that can be taken up again above.

https://developers.google.com/workspace/drive/api/guides/manage-uploads
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, BinaryIO

import httpx

from imagequarry.errors import RemoteFailure
from imagequarry.stores.drive.calls import Calls, Patience, Reply, checked
from imagequarry.stores.drive.refusals import Temporary, temporary

# What Drive takes in one request; its API allows no more.
SMALL = 5 * 2**20
# A multiple of 256 KiB, as the protocol wants.
CHUNK = 8 * 2**20

_FILES = "/upload/drive/v3/files"
_WANTED = {"supportsAllDrives": "true", "fields": "id,webViewLink"}


def in_one_request(
    calls: Calls, patience: Patience, about: Mapping[str, Any], media_type: str, content: bytes
) -> Mapping[str, Any]:
    """Upload at most ``SMALL`` bytes with what is said ``about`` them; the new file as Drive tells of it.

    The id is asked for beforehand: an attempt whose answer was lost is found out by the next one (409), and no file
    is there twice.
    """
    taken = patience.over(
        lambda: calls.api("GET", "/drive/v3/files/generateIds", params={"count": 1, "space": "drive"})
    )
    ids = taken.body.get("ids")
    if not isinstance(ids, list) or len(ids) != 1 or not isinstance(ids[0], str):
        raise RemoteFailure("Google Drive did not give an id for the new file.")
    boundary = secrets.token_hex(16)
    said = json.dumps({**about, "id": ids[0]})
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{said}\r\n"
        f"--{boundary}\r\nContent-Type: {media_type}\r\n\r\n"
    )
    request: dict[str, Any] = {
        "params": {"uploadType": "multipart", **_WANTED},
        "headers": {"Content-Type": f"multipart/related; boundary={boundary}"},
        "content": b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode())),
    }

    def attempt() -> Mapping[str, Any]:
        try:
            return calls.api("POST", _FILES, **request).body
        except RemoteFailure as error:
            if error.details.get("status") != httpx.codes.CONFLICT:
                raise
            return {"id": ids[0]}

    return patience.over(attempt)


def in_chunks(
    calls: Calls, patience: Patience, about: Mapping[str, Any], media_type: str, content: BinaryIO, size: int
) -> Mapping[str, Any]:
    """Upload ``size`` bytes, read from wherever ``content`` stands; the new file as Drive tells of it.

    After a failure Drive is asked how much it has, and the upload goes on from there. Only attempts in a row that
    brought nothing count against ``patience``.
    """
    start = content.tell()
    request: dict[str, Any] = {
        "params": {"uploadType": "resumable", **_WANTED},
        "headers": {"X-Upload-Content-Type": media_type, "X-Upload-Content-Length": str(size)},
        "json": about,
    }

    def new_session() -> str:
        return _address(patience.over(lambda: calls.api("POST", _FILES, **request)))

    session = new_session()
    offset = furthest = failures = lost = 0
    asking = False
    while True:
        try:
            chunk, span = b"", "*"
            if not asking:
                content.seek(start + offset)
                chunk = content.read(min(CHUNK, size - offset))
                span = f"{offset}-{offset + len(chunk) - 1}"
            reply = calls.once("PUT", session, headers={"Content-Range": f"bytes {span}/{size}"}, content=chunk)
            if reply.status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
                raise _SessionLost("Google Drive gave up the upload before its end.")
            if reply.status != httpx.codes.PERMANENT_REDIRECT:
                return checked(reply).body
            offset = _reached(reply, size)
            if offset > furthest:
                furthest, failures = offset, 0
            elif chunk or offset == size:
                raise temporary("Google Drive took no more of the file.")
            # Where it has all but made no file yet, there is nothing left to send but the question.
            asking = offset == size
        except Temporary as error:
            failures += 1
            lost += isinstance(error, _SessionLost)
            patience.wait(max(failures, lost), error)
            asking = not isinstance(error, _SessionLost)
            if not asking:
                session, offset, furthest = new_session(), 0, 0


class _SessionLost(Temporary):
    """The address that parts were sent to is no more."""


def _address(reply: Reply) -> str:
    """Where the parts are sent. The address is itself the right to send them, and they go there without the token."""
    address: str = reply.headers.get("Location", "")
    if not address.startswith(("https://", "http://")):
        raise RemoteFailure("Google Drive did not say where to send the file.")
    return address


def _reached(reply: Reply, size: int) -> int:
    """How many bytes Drive has: ``Range: bytes=0-42`` means 43, no such header none."""
    text = reply.headers.get("Range", "")
    if not text:
        return 0
    match = re.fullmatch(r"bytes=0-(\d{1,18})", text)
    if match is None or int(match[1]) >= size:
        raise RemoteFailure("Google Drive claims to have other bytes than it was sent.")
    return int(match[1]) + 1
