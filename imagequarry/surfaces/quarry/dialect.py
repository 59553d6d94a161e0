"""How surface A speaks: its envelopes, its error codes and its way of writing times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from fastapi.responses import JSONResponse, Response

from imagequarry import errors
from imagequarry.surfaces import surface

NAME: Final = "quarry"

# Status and code of every error; what is not named takes those of the class above it.
WORDS: dict[type[errors.QuarryError], tuple[int, str]] = {
    errors.QuarryError: (500, "INTERNAL_ERROR"),
    errors.InvalidInput: (422, "VALIDATION_ERROR"),
    errors.InvalidPicture: (400, "IMAGE_VALIDATION_ERROR"),
    errors.FileTooLarge: (413, "IMAGE_VALIDATION_ERROR"),
    errors.NotFound: (404, "NOT_FOUND"),
    errors.JobNotFound: (404, "JOB_NOT_FOUND"),
    errors.Conflict: (409, "HTTP_ERROR"),
    errors.KeyMissing: (401, "HTTP_ERROR"),
    errors.KeyRefused: (403, "HTTP_ERROR"),
    errors.TooManyRequests: (429, "HTTP_ERROR"),
    errors.ModelFailure: (500, "MODEL_ERROR"),
    errors.ModelUnavailable: (503, "MODEL_ERROR"),
    errors.OutOfMemory: (503, "MODEL_ERROR"),
    errors.RemoteFailure: (502, "HTTP_ERROR"),
    errors.RemoteNotSetUp: (503, "HTTP_ERROR"),
    errors.Busy: (503, "HTTP_ERROR"),
    errors.StorageFailure: (503, "INTERNAL_ERROR"),
    surface.MethodNotAllowed: (405, "METHOD_NOT_ALLOWED"),
    surface.BodyTooLarge: (413, "IMAGE_VALIDATION_ERROR"),
    surface.BadRequest: (400, "HTTP_ERROR"),
}


def render(error: errors.QuarryError) -> Response:
    """``{success, message, error_code, details, timestamp}``."""
    status, code = surface.words_for(error, WORDS)
    body = {
        "success": False,
        "message": error.message,
        "error_code": code,
        "details": error.details,
        "timestamp": timestamp(),
    }
    return JSONResponse(body, status, headers=surface.retry_after(error, status))


def envelope(message: str, data: Any = None) -> dict[str, Any]:
    """``{success, message, data, timestamp}``, without data where there are none."""
    body: dict[str, Any] = {"success": True, "message": message, "timestamp": timestamp()}
    return body if data is None else body | {"data": data}


def timestamp(moment: datetime | None = None) -> str:
    """UTC in whole seconds with a Z, as in 2024-01-01T12:00:00Z."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
