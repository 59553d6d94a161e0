"""API keys: asked for before anything of the body is read."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagequarry.errors import KeyMissing, KeyRefused
from imagequarry.surfaces.surface import Surfaces

# The documentation and the start page tell nothing that is not public.
_OPEN = frozenset({"/", "/docs", "/redoc", "/openapi.json"})
_OPEN_BELOW = "/docs/assets/"


class KeyGuard:
    """Lets a request pass with a known key, in ``X-API-Key`` or as ``Authorization: Bearer``.

    Health probes and documentation pass without, and so do a browser's preflight requests, which carry no headers.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str], surfaces: Surfaces) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        given = key_of(Headers(scope=scope))
        if given is not None and self._knows(given):
            await self._app(scope, receive, send)
            return
        reply = self._surfaces.nearest(scope["path"]).render(KeyMissing() if given is None else KeyRefused())
        await reply(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        return (
            scope["method"] == "OPTIONS"
            or path in _OPEN
            or path.startswith(_OPEN_BELOW)
            or self._surfaces.is_probe(path)
        )

    def _knows(self, given: str) -> bool:
        # Every key is compared, each in constant time, so that the time tells neither which one nor how much fits.
        # Headers are bytes, shown as Latin-1; a key with other letters comes in UTF-8.
        raw = given.encode("latin-1")
        return sum(hmac.compare_digest(raw, key) for key in self._keys) > 0


def key_of(headers: Headers) -> str | None:
    """The key a request carries, or None."""
    if key := headers.get("x-api-key"):
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
