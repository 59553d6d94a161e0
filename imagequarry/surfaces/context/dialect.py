"""How surface B speaks: its error envelope, the words in it, and times without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from fastapi.responses import JSONResponse, Response

from imagequarry import errors
from imagequarry.surfaces import surface

NAME: Final = "context"

# Status and word of every error; what is not named takes those of the class above it.
WORDS: dict[type[errors.QuarryError], tuple[int, str]] = {
    errors.QuarryError: (500, "InternalError"),
    errors.InvalidInput: (422, "ValidationError"),
    errors.InvalidPicture: (400, "ValidationError"),
    errors.FileTooLarge: (413, "ValidationError"),
    errors.NotFound: (404, "NotFoundError"),
    # The document's own word for a picture that is not there.
    errors.ImageNotFound: (404, "ValidationError"),
    errors.Conflict: (409, "ConflictError"),
    errors.KeyMissing: (401, "AuthenticationError"),
    errors.KeyRefused: (403, "AuthenticationError"),
    errors.TooManyRequests: (429, "RateLimitError"),
    errors.ModelFailure: (500, "ModelError"),
    errors.ModelUnavailable: (503, "ModelError"),
    errors.OutOfMemory: (503, "ModelError"),
    errors.RemoteFailure: (502, "RemoteError"),
    errors.RemoteNotSetUp: (503, "RemoteError"),
    errors.Busy: (503, "BusyError"),
    errors.StorageFailure: (503, "StorageError"),
    surface.MethodNotAllowed: (405, "MethodNotAllowedError"),
    surface.BodyTooLarge: (413, "ValidationError"),
    surface.BadRequest: (400, "ValidationError"),
}


def render(error: errors.QuarryError) -> Response:
    """``{success, error, message, details, timestamp}``; the details repeat the status."""
    status, word = surface.words_for(error, WORDS)
    body = {
        "success": False,
        "error": word,
        "message": error.message,
        "details": {"status_code": status} | error.details,
        "timestamp": timestamp(),
    }
    return JSONResponse(body, status, headers=surface.retry_after(error, status))


def timestamp(moment: datetime | None = None) -> str:
    """UTC in microseconds without a zone, as in 2025-07-07T10:36:13.577413."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
