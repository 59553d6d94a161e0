"""The built files of the web application: which there are, how they are sent, and what a page may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi.responses import FileResponse, HTMLResponse, Response

# Written by `make studio`; neither in the repository nor, where Node.js was missing, in the package.
FOLDER: Final = Path(__file__).with_name("site")

# Only names that the build gives, so that no address can lead anywhere else.
_FILE = re.compile(r"(?:assets/)?[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
# Not left to the machine's own table of types, which may say otherwise.
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}

# Scripts and styles are files of this server, never part of a page; text becomes HTML through Svelte's templates only.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self' blob:",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_FIRST: Final = "no-cache"

_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Image Quarry</title>
<h1>Image Quarry</h1>
<p>The server is running, but its web application has not been built. That takes Node.js 20.19 or newer: install it,
then <code>make run</code> (or <code>make studio</code>, while the server runs) builds it. All else works without:</p>
<ul>
<li><a href="/docs">all routes, to try out</a> or <a href="/redoc">to read</a></li>
<li><a href="/health/">how the server is</a></li>
<li><a href="/models/">which models it has</a></li>
</ul>
</html>
"""


class Site:
    """The files of a build in a folder, looked for at each request: a build may come while the server runs."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def page(self) -> Response:
        """The application's page, the same for all its addresses; a plain one where there is no build."""
        if (self._folder / "index.html").is_file():
            return self._send("index.html", _ASK_FIRST, {})
        return HTMLResponse(_NOT_BUILT, headers={**HEADERS, "Cache-Control": "no-store"})

    def at(self, path: str, accepted: str) -> Response:
        """What lies below ``/studio/``: a file of the build, or else the page, which finds its way by the address.

        ``accepted`` is the request's Accept-Encoding.
        """
        hashed = path.startswith("assets/")
        if _FILE.fullmatch(path) and (self._folder / path).is_file():
            zipped = "gzip" in accepted and (self._folder / f"{path}.gz").is_file()
            return self._send(path, _FOR_EVER if hashed else _ASK_FIRST, {"Content-Encoding": "gzip"} if zipped else {})
        if hashed:
            # A page from before the last build asks for files that are gone; a page in their place would be no script.
            return Response("There is no such file.", 404, HEADERS | {"Cache-Control": "no-store"}, "text/plain")
        return self.page()

    def _send(self, path: str, keep: str, encoding: Mapping[str, str]) -> Response:
        file = self._folder / (f"{path}.gz" if encoding else path)
        headers = {**HEADERS, **encoding, "Cache-Control": keep, "Vary": "Accept-Encoding"}
        return FileResponse(file, headers=headers, media_type=_TYPES.get(Path(path).suffix, "application/octet-stream"))
