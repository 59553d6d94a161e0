"""``/`` and ``/studio/…``: the web application's files and its one page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from imagequarry.studio.site import Site

router = APIRouter(tags=["studio"], include_in_schema=False)

_site = Site()


@router.head("/")
@router.get("/")
@router.head("/studio")
@router.get("/studio")
def start() -> Response:
    """The application."""
    return _site.page()


@router.head("/studio/{path:path}")
@router.get("/studio/{path:path}")
def below(path: str, request: Request) -> Response:
    """A file of the application, or the application itself for the addresses of its pages."""
    return _site.at(path, request.headers.get("accept-encoding", ""))
