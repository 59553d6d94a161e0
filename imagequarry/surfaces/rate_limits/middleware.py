"""Says on every reply of a limited surface how often its caller may still ask, and refuses what is too much."""

from __future__ import annotations

import ipaddress
import math
import time
from hashlib import sha256

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagequarry.errors import TooManyRequests
from imagequarry.surfaces.keys import Keys, is_page, key_of
from imagequarry.surfaces.rate_limits.counts import Standing
from imagequarry.surfaces.rate_limits.limiter import Limiter
from imagequarry.surfaces.surface import Surface, Surfaces


class RateLimit:
    """Counts the requests of each key, and those without a known one by their address.

    Pure ASGI, so that streams pass untouched, and outside all that may fail, so that errors carry the headers too.
    """

    def __init__(self, app: ASGIApp, limiter: Limiter, keys: Keys, surfaces: Surfaces) -> None:
        self._app = app
        self._limiter = limiter
        self._keys = keys
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        surface = self._limited(scope)
        if surface is None:
            await self._app(scope, receive, send)
            return
        caller = self._caller(scope)
        counts = not self._surfaces.is_uncounted(get_route_path(scope))
        standing = await self._limiter.hit(caller) if counts else self._limiter.look(caller)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(MutableHeaders(scope=message), standing)
            await send(message)

        app = self._app if standing.allowed else surface.render(_refusal(standing))
        await app(scope, receive, told)

    def _limited(self, scope: Scope) -> Surface | None:
        """The surface that is asked, if it limits its callers."""
        if scope["type"] != "http" or is_page(get_route_path(scope)):
            return None
        surface = self._surfaces.foreseen(scope["method"], get_route_path(scope))
        return surface if surface.limited else None

    def _caller(self, scope: Scope) -> str:
        """The key as a digest, or the address; in IPv6 its network, all of whose addresses one caller may have."""
        key = key_of(Headers(scope=scope))
        # By address for a wrong key too, or else every guess would be a caller of its own.
        if key is not None and self._keys.knows(key):
            return f"key:{sha256(key).hexdigest()}"
        host = scope["client"][0] if scope.get("client") else ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return f"address:{host}"
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
            return f"address:{ipaddress.IPv6Network((int(address) >> 64 << 64, 64))}"
        return f"address:{getattr(address, 'ipv4_mapped', None) or address}"


def _tell(headers: MutableHeaders, standing: Standing) -> None:
    headers["X-RateLimit-Limit"] = str(standing.window.requests)
    headers["X-RateLimit-Remaining"] = str(standing.remaining)
    headers["X-RateLimit-Reset"] = str(math.ceil(standing.reset))


def _refusal(standing: Standing) -> TooManyRequests:
    window = standing.window
    period = {60: "minute", 3600: "hour"}.get(window.seconds, f"{window.seconds} seconds")
    wait = max(1, math.ceil(standing.reset - time.time()))
    return TooManyRequests(
        f"You may ask {window.requests} times a {period} here; try again in {wait} seconds.",
        limit=window.requests,
        retry_after=wait,
    )
