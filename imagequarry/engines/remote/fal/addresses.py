"""Where a link from outside may lead: to the public network, never into ours, unless fal.ai's queue is there itself."""

from __future__ import annotations

import ipaddress
import socket
from urllib.request import getproxies, proxy_bypass

import httpx

from imagequarry.errors import RemoteFailure

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked(url: str) -> httpx.URL:
    """The link as an address. Raises ``RemoteFailure`` for what is none of the web."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise RemoteFailure("fal.ai sent a link that is none.") from error
    if parsed.scheme not in ("https", "http") or not parsed.host or parsed.userinfo:
        raise RemoteFailure("fal.ai sent a link that leads nowhere one may go.")
    return parsed


def is_inside(url: str) -> bool:
    """Whether that host is on our own network or machine; not, where nobody knows it."""
    try:
        return not all(_is_public(address) for address in _addresses(httpx.URL(url)))
    except (OSError, UnicodeError, httpx.InvalidURL):
        return False


def reachable(url: httpx.URL, inside: bool) -> list[str | None]:
    """The addresses to connect to, looked up once and looked at: a name that is asked again may answer otherwise.

    [None] stands for a proxy's business: it looks names up by itself. Raises ``RemoteFailure``.
    """
    proxied = _is_proxied(url)
    try:
        addresses = _literal(url.host) if proxied else _addresses(url)
    except (OSError, UnicodeError) as error:
        raise RemoteFailure("The host of a link from fal.ai could not be found.") from error
    if not inside and not all(_is_public(address) for address in addresses):
        raise RemoteFailure("fal.ai sent a link that leads into this server's own network.")
    return [None] if proxied else [str(address) for address in addresses]


def _addresses(url: httpx.URL) -> list[Address]:
    port = url.port or (443 if url.scheme == "https" else 80)
    found = socket.getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
    names = dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found)
    return [ipaddress.ip_address(name) for name in names]


def _literal(host: str) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        return []


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return _is_public(within)
    return address.is_global and not address.is_multicast


def _is_proxied(url: httpx.URL) -> bool:
    proxies = getproxies()
    return bool(proxies.get(url.scheme) or proxies.get("all")) and not proxy_bypass(url.host)
