"""/docs and /redoc, with scripts from this server: they work without a network."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

# The package is taken for the scripts it carries; its own application class would bring routes of its own.
ASSETS = "/docs/assets"
assets = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")

router = APIRouter(tags=["studio"], include_in_schema=False)


@router.get("/docs")
def swagger(request: Request) -> HTMLResponse:
    """Every route, to try out."""
    return get_swagger_ui_html(
        openapi_url=_openapi(request),
        title=f"{request.app.title} - Swagger UI",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )


@router.get("/redoc")
def redoc(request: Request) -> HTMLResponse:
    """Every route, to read."""
    return get_redoc_html(
        openapi_url=_openapi(request),
        title=f"{request.app.title} - ReDoc",
        redoc_js_url=f"{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{ASSETS}/favicon.png",
        with_google_fonts=False,
    )


def _openapi(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}{request.app.openapi_url}"
