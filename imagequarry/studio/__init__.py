"""The page at ``/``: where everything is."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["studio"])

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Image Quarry</title>
<h1>Image Quarry</h1>
<p>The server is running. Pictures in, masks out:</p>
<ul>
<li><a href="/docs">all routes, to try out</a> or <a href="/redoc">to read</a></li>
<li><a href="/health/">how the server is</a></li>
<li><a href="/models/">which models it has</a></li>
</ul>
</html>
"""


@router.get("/", include_in_schema=False)
def start_page() -> HTMLResponse:
    """A plain page with the ways in."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": "default-src 'none'"})
