"""How surface E speaks: its error envelope, its codes, its words for the states of a job, and times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from fastapi.responses import JSONResponse, Response

from imagequarry import errors
from imagequarry.surfaces import surface

NAME: Final = "image2model"

# Status and code of every error; what is not named takes those of the class above it.
CODES: Mapping[type[errors.QuarryError], tuple[int, str]] = {
    errors.QuarryError: (500, "PROCESSING_ERROR"),
    errors.InvalidInput: (400, "VALIDATION_ERROR"),
    errors.FileTooLarge: (413, "FILE_TOO_LARGE"),
    errors.NotFound: (404, "NOT_FOUND"),
    errors.Conflict: (409, "CONFLICT"),
    errors.KeyMissing: (401, "AUTHENTICATION_REQUIRED"),
    errors.KeyRefused: (403, "INVALID_API_KEY"),
    errors.TooManyRequests: (429, "RATE_LIMIT_EXCEEDED"),
    errors.ModelUnavailable: (503, "MODEL_UNAVAILABLE"),
    errors.OutOfMemory: (503, "PROCESSING_ERROR"),
    errors.RemoteFailure: (502, "FAL_API_ERROR"),
    errors.Busy: (503, "BUSY"),
    errors.StorageFailure: (503, "STORAGE_ERROR"),
    surface.MethodNotAllowed: (405, "METHOD_NOT_ALLOWED"),
    surface.BadRequest: (400, "VALIDATION_ERROR"),
}


def render(error: errors.QuarryError) -> Response:
    """``{detail: {code, message, details}}``."""
    status, code = surface.words_for(error, CODES)
    body = {"detail": {"code": code, "message": error.message, "details": error.details}}
    return JSONResponse(body, status, headers=surface.retry_after(error, status))


def timestamp(moment: datetime | None = None) -> str:
    """UTC in whole seconds, as in 2024-03-15T10:30:00Z."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
