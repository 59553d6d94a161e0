"""Files as replies: whole or in part, once more or not at all, and under a name that people know."""

from __future__ import annotations

import re

from fastapi import Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from imagequarry.domain.job import Job
from imagequarry.errors import Conflict, NotFound
from imagequarry.jobs.model_files import ResultFile
from imagequarry.surfaces.image2model import states

# What a browser may show where it stands; anything else is saved.
_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp"})
_HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
_RANGE = re.compile(r"(\d{0,18})-(\d{0,18})", re.ASCII)


def of(file: ResultFile) -> Response:
    """The file under its name. Raises ``NotFound`` when it was deleted in this moment."""
    try:
        return _File(file)
    except OSError as error:
        raise NotFound("The file was deleted in this moment.") from error


def require_completed(job: Job) -> None:
    """Raise ``Conflict`` that says how the job stands, unless it is completed."""
    if job.state == "completed":
        return
    details = {"status": states.word(job), "progress": states.percent(job.progress)}
    if why := states.failure(job):
        raise Conflict(f"The job failed, so there is nothing to download. {why}", **details)
    raise Conflict("The job is not finished yet; ask again when its status is completed.", **details)


class _File(FileResponse):
    """A file with validators (ETag, Last-Modified); it answers If-None-Match, Range and If-Range."""

    def __init__(self, file: ResultFile) -> None:
        super().__init__(
            file.path,
            headers=_HEADERS,
            media_type=file.media_type,
            filename=file.name,
            stat_result=file.path.stat(follow_symlinks=False),
            content_disposition_type="inline" if file.media_type in _SHOWN else "attachment",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope)
        if self._is_known(asked.get("if-none-match", "")):
            kept = {name: self.headers[name] for name in ("etag", "last-modified", "cache-control")}
            await Response(status_code=304, headers=kept)(scope, receive, send)
            return
        if not _is_readable(asked.get("range", "")):
            # One that cannot be read is none (RFC 9110, 14.2), and no reason for a refusal in nobody's words.
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
        await super().__call__(scope, receive, send)

    def _is_known(self, tags: str) -> bool:
        return any(tag.strip().removeprefix("W/") in ("*", self.headers["etag"]) for tag in tags.split(","))


def _is_readable(ranges: str) -> bool:
    """Whether the text means parts of a file in bytes, as in ``bytes=0-99,-5``."""
    unit, _, specs = ranges.partition("=")
    found = [_RANGE.fullmatch(spec.strip()) for spec in specs.split(",")]
    return unit.strip().lower() == "bytes" and all(spec and _is_forward(spec[1], spec[2]) for spec in found)


def _is_forward(first: str, last: str) -> bool:
    return int(first) <= int(last) if first and last else bool(first or last)
