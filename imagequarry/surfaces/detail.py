"""``{detail}``, the error reply that documents C and D share word for word."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse, Response

from imagequarry import errors
from imagequarry.surfaces import surface

# Status of every error; what is not named takes that of the class above it.
STATUS: Mapping[type[errors.QuarryError], int] = {
    errors.QuarryError: 500,
    errors.InvalidInput: 422,
    errors.InvalidPicture: 400,
    errors.FileTooLarge: 413,
    errors.NotFound: 404,
    errors.Conflict: 400,
    errors.KeyMissing: 401,
    errors.KeyRefused: 403,
    errors.TooManyRequests: 429,
    errors.ModelUnavailable: 503,
    errors.OutOfMemory: 503,
    errors.RemoteFailure: 502,
    errors.Busy: 503,
    errors.StorageFailure: 503,
    surface.MethodNotAllowed: 405,
    surface.BadRequest: 400,
}


def render(error: errors.QuarryError) -> Response:
    """The error's sentence with its status."""
    status = surface.words_for(error, STATUS)
    return JSONResponse({"detail": error.message}, status, headers=surface.retry_after(error, status))
