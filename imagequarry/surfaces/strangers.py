"""Keeps the pages of strangers from using a server that asks for no key, by way of the browser of who may use it.

A browser lets every page send forms anywhere, and open sockets; and a page's own name may come to mean this machine
after it was loaded (DNS rebinding), whereupon the browser takes the server for a part of the page. A key stops both,
since no browser sends one by itself. Without keys the name that is asked for and the origin of the page are looked at.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagequarry.errors import KeyRefused, QuarryError
from imagequarry.surfaces.callers import host_in, is_loopback
from imagequarry.surfaces.keys import is_page
from imagequarry.surfaces.surface import Surfaces

_PORTS = {"http": ":80", "https": ":443"}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignHost(KeyRefused):
    """This server is not known under that name; ALLOWED_HOSTS may say that it is."""


class ForeignOrigin(KeyRefused):
    """Pages of this origin may not do that here; CORS_ORIGINS names those that may."""


class StrangerGuard:
    """Refuses requests under a name that is not this server's, and those of foreign pages that change something.

    Probes, documentation and the studio's files answer under any name: they hold nothing of anybody's.
    """

    def __init__(self, app: ASGIApp, surfaces: Surfaces, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._surfaces = surfaces
        self._hosts = frozenset(host.lower().removesuffix(".") for host in hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault(scope) if scope["type"] in ("http", "websocket") else None
        if fault is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await self._surfaces.nearest(get_route_path(scope)).render(fault)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _fault(self, scope: Scope) -> QuarryError | None:
        path = get_route_path(scope)
        if is_page(path) or self._surfaces.is_probe(path):
            return None
        headers = Headers(scope=scope)
        if not self._is_own(headers.get("host", "")):
            return ForeignHost()
        # Sockets ask for the origin themselves, keys or not.
        changes = scope["type"] == "http" and scope["method"] not in _READING
        return ForeignOrigin() if changes and not is_of_ours(headers, self._origins) else None

    def _is_own(self, authority: str) -> bool:
        """Whether no stranger can have the name that is asked for; browsers always say one.

        An address cannot come to mean another machine, and nobody elsewhere can have a name without a dot: it is a
        container's, or that of a machine next door.
        """
        host = host_in(authority)
        if not host:
            return not authority
        return "." not in host or is_loopback(host) or _is_address(host) or bool(self._hosts & {host, "*"})


def is_of_ours(headers: Headers, origins: Collection[str]) -> bool:
    """Whether no page asks, or one of this server or of a known origin; ``*`` knows all."""
    origin = headers.get("origin")
    if origin is None or "*" in origins or origin in origins:
        return True
    scheme, _, place = origin.lower().partition("://")
    default = _PORTS.get(scheme, "")
    host = headers.get("host", "").lower()
    return bool(place) and place.removesuffix(default) == host.removesuffix(default)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
