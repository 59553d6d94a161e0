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


class Keys:
    """The keys that open the server; without any it is open to everybody."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    @property
    def wanted(self) -> bool:
        """Whether one must be given at all."""
        return bool(self._keys)

    def knows(self, given: bytes) -> bool:
        """Whether it is one of them; a key with letters beyond ASCII comes in UTF-8."""
        # Every key is compared, each in constant time, so that the time tells neither which one nor how much fits.
        return sum(hmac.compare_digest(given, key) for key in self._keys) > 0


class KeyGuard:
    """Lets a request pass with a known key, in ``X-API-Key`` or as ``Authorization: Bearer``.

    Health probes and documentation pass without, and so do a browser's preflight requests, which carry no headers.
    WebSockets pass too: they ask for the key themselves, since a browser sends no header with one.
    """

    def __init__(self, app: ASGIApp, keys: Keys, surfaces: Surfaces) -> None:
        self._app = app
        self._keys = keys
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        given = key_of(Headers(scope=scope))
        if given is not None and self._keys.knows(given):
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


def key_of(headers: Headers) -> bytes | None:
    """The key a request carries, or None."""
    key = headers.get("x-api-key")
    if not key:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else ""
    # Headers are bytes, shown as Latin-1.
    return key.encode("latin-1") if key else None
