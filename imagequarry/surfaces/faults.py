"""One place turns whatever went wrong into the reply of the surface that was asked."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from imagequarry.errors import InvalidInput, QuarryError
from imagequarry.surfaces.surface import BadRequest, BodyTooLarge, MethodNotAllowed, RouteNotFound, Surfaces


def install(app: FastAPI, surfaces: Surfaces) -> None:
    """Answer every error in the dialect of its surface."""

    def answer(request: Request, error: Exception) -> Response:
        reply = surfaces.of(request.scope).render(as_ours(error))
        if isinstance(error, HTTPException):
            reply.headers.update(error.headers or {})
        return reply

    for kind in (QuarryError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)


def as_ours(error: Exception) -> QuarryError:
    """The error in our own tree."""
    if isinstance(error, RequestValidationError):
        faults = _plain(error.errors())
        return InvalidInput(_sentence(faults), errors=faults)
    if isinstance(error, HTTPException):
        return _of_http(error)
    assert isinstance(error, QuarryError)
    return error


def _of_http(error: HTTPException) -> QuarryError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return RouteNotFound()
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed()
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return BodyTooLarge(str(error.detail))
        case _:
            return BadRequest(str(error.detail))


def _plain(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """Pydantic's errors without what the caller sent (it may be large, secret or not JSON) and without its links."""
    return [{"loc": [str(part) for part in e["loc"]], "msg": _message(e["msg"]), "type": e["type"]} for e in errors]


def _message(said: str) -> str:
    """The sentence without the words of Python."""
    return "A file is expected" if "Expected UploadFile" in said else said.removeprefix("Value error, ")


def _sentence(faults: Sequence[dict[str, Any]]) -> str:
    # The first part of a location names where it came from (body, query); the caller knows the field by the rest.
    if any(fault["type"] == "json_invalid" for fault in faults):
        return "Validation error: the body is not valid JSON."
    said = [f"{'.'.join(fault['loc'][1:]) or 'body'}: {fault['msg']}" for fault in faults[:3]]
    return "Validation error: " + "; ".join(said)
