"""Where a request comes from: this machine or another one, and a page of this server or of somebody else."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

# Who passes a request on says so in one of these, or in one that begins with x-forwarded.
_PASSED_ON = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"}
)


def is_local(scope: Scope) -> bool:
    """Whether a program on this machine asks, of its own accord.

    The peer is what the socket says and no header can make it: a request that somebody passed on came from elsewhere,
    whoever they say it was. A browser's page counts when it came from this machine too, and is asked under a name that
    only this machine can have: a stranger's page can have its own name lead here.
    """
    headers = Headers(scope=scope)
    if not is_loopback(_peer(scope)) or not is_loopback(host_in(headers.get("host", ""))):
        return False
    if any(name in _PASSED_ON or name.startswith("x-forwarded") for name in headers):
        return False
    origin = headers.get("origin")
    # An image or a link on a page elsewhere names no origin, but browsers say this of it.
    return headers.get("sec-fetch-site") != "cross-site" and (origin is None or is_loopback(host_of_origin(origin)))


def host_in(authority: str) -> str:
    """The name or address in ``name:port``, in lower case, without brackets and a last dot; "" when there is none."""
    try:
        host = urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""
    return host.removesuffix(".")


def host_of_origin(origin: str) -> str:
    """The name or address in ``https://name:port``; "" when there is none, as in the origin ``null``."""
    scheme, _, authority = origin.partition("://")
    return host_in(authority) if scheme in ("http", "https") else ""


def is_loopback(host: str) -> bool:
    """Whether the name or address means the machine that uses it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
