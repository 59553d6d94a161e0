"""API keys: asked for before anything of the body is read."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from hashlib import sha256

# The paths that are judged here must be those that are routed.
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagequarry.errors import KeyMissing, KeyRefused, QuarryError
from imagequarry.surfaces.callers import is_local
from imagequarry.surfaces.surface import Surfaces

_PAGES = frozenset({"/", "/docs", "/redoc", "/openapi.json", "/studio"})
_BELOW = ("/docs/assets/", "/studio/")


class NotLocal(KeyRefused):
    """Without ADMIN_API_KEYS this answers the server's own machine only, and nobody whose request was passed on."""


class NotAdmin(KeyRefused):
    """This needs one of the ADMIN_API_KEYS."""


class Keys:
    """The keys that open the server, and those that open its admin routes too.

    Without any of the first it is open to everybody, but for those routes.
    """

    def __init__(self, keys: Iterable[str], admin: Iterable[str] = ()) -> None:
        self._admin = [_digest(key.encode()) for key in admin]
        self._users = [_digest(key.encode()) for key in keys]

    @property
    def wanted(self) -> bool:
        """Whether one must be given at all."""
        return bool(self._users)

    @property
    def admin_wanted(self) -> bool:
        """Whether there are keys for the admin routes."""
        return bool(self._admin)

    def knows(self, given: bytes) -> bool:
        """Whether it is one of them; a key with letters beyond ASCII comes in UTF-8."""
        return _is_among(given, [*self._users, *self._admin])

    def knows_admin(self, given: bytes) -> bool:
        """Whether it opens the admin routes."""
        return _is_among(given, self._admin)


class KeyGuard:
    """Lets a request pass with a known key, in ``X-API-Key`` or as ``Authorization: Bearer``.

    Health probes, documentation and the studio's files pass without, and so do a browser's preflight requests, which
    carry no headers, and who reads the state of a job whose random id they were told. WebSockets pass too: they ask
    for the key themselves, since a browser sends no header with one.
    """

    def __init__(self, app: ASGIApp, keys: Keys, surfaces: Surfaces) -> None:
        self._app = app
        self._keys = keys
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = get_route_path(scope)
        fault = self._fault(scope, path)
        if fault is None:
            await self._app(scope, receive, send)
            return
        reply = self._surfaces.foreseen(scope["method"], path).render(fault)
        if isinstance(fault, KeyMissing):
            reply.headers["WWW-Authenticate"] = "Bearer"
        await reply(scope, receive, send)

    def _fault(self, scope: Scope, path: str) -> QuarryError | None:
        """Why the request may not pass; None when it may."""
        if self._is_open(scope["method"], path):
            return None
        given = key_of(Headers(scope=scope))
        is_admin = self._surfaces.is_admin(path)
        if is_admin and self._keys.admin_wanted:
            return _unknown(given, self._keys.knows_admin, NotAdmin())
        fault = _unknown(given, self._keys.knows, KeyRefused()) if self._keys.wanted else None
        return NotLocal() if fault is None and is_admin and not is_local(scope) else fault

    def _is_open(self, method: str, path: str) -> bool:
        return (
            method == "OPTIONS"
            or is_page(path)
            or self._surfaces.is_probe(path)
            or (method == "GET" and self._surfaces.is_readable(path))
        )


def is_page(path: str) -> bool:
    """Whether the documentation or the studio's own files are asked for, which tell nothing that is not public."""
    return path in _PAGES or path.startswith(_BELOW)


def key_of(headers: Headers) -> bytes | None:
    """The key a request carries, or None."""
    key = headers.get("x-api-key")
    if not key:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else ""
    # Headers are bytes, shown as Latin-1.
    return key.encode("latin-1") if key else None


def _unknown(given: bytes | None, knows: Callable[[bytes], bool], refusal: KeyRefused) -> QuarryError | None:
    if given is None:
        return KeyMissing()
    return None if knows(given) else refusal


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _is_among(given: bytes, digests: Iterable[bytes]) -> bool:
    # Every key is compared, each in constant time and as a digest, so that the time tells neither which one nor how
    # much of it fits, nor how long it is.
    return sum(hmac.compare_digest(_digest(given), digest) for digest in digests) > 0
