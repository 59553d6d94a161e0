"""How fal.ai is spoken to: its official client at our addresses, over a connection that knows its limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import httpx
import structlog
from fal_client import FalClientError
from fal_client import client as official

from imagequarry.engines.remote.fal.account import PUBLIC_REST_URL, Account
from imagequarry.errors import RemoteFailure

_log = structlog.stdlib.get_logger(__name__)

GLOBALS = (
    "QUEUE_URL_FORMAT",
    "RUN_URL_FORMAT",
    "REST_URL",
    "CDN_URL",
    "MAX_ATTEMPTS",
    "QUEUE_POLL_TIMEOUT",
    "BackupDomainTransport",
)
"""Names of the official client's module that are no part of its interface."""

TROUBLES = (httpx.HTTPError, FalClientError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What the official client raises at answers that are late, broken off, refused or not in the agreed form."""

_POLL = httpx.Timeout(20.0, connect=10.0)
# Statuses carry the log of the whole run; a result is a few addresses.
_LARGEST_REPLY = 8 * 2**20
_LONGEST_REPLY_SECONDS = 60.0
_LONGEST_WORDS = 300


def point_at(account: Account) -> None:
    """Send the official client to the account's addresses. They are globals of its module, so there is one account."""
    official.QUEUE_URL_FORMAT = official.RUN_URL_FORMAT = f"{account.queue_url.rstrip('/')}/"
    official.REST_URL = account.rest_url.rstrip("/")
    if official.REST_URL != PUBLIC_REST_URL:
        official.CDN_URL = official.REST_URL  # whoever stands in for one stands in for both
    # One try each: its own repetitions, minutes of them, would be deaf to whoever cancels. We come again anyway.
    official.MAX_ATTEMPTS = 1
    official.QUEUE_POLL_TIMEOUT = _POLL


def connection(account: Account, timeout: httpx.Timeout = _POLL, *, once: bool = False) -> httpx.Client:
    """A client that carries the account's key, follows no redirect with it, and cuts off replies without end.

    ``once``: each request has a connection of its own. One that was kept open may break in the hand, and then nobody
    knows whether the request arrived.
    """
    headers = {
        "Authorization": f"Key {account.key}",
        "User-Agent": official.USER_AGENT,
        # What is packed has no size that one could know beforehand.
        "Accept-Encoding": "identity",
    }
    if once:
        headers["Connection"] = "close"
    return httpx.Client(transport=_transport(once), headers=headers, timeout=timeout, follow_redirects=False)


def words_of(response: httpx.Response, account: Account) -> str:
    """What fal.ai says went wrong: its ``detail``, a sentence or one for each field; empty where it says nothing."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ""
    detail = body.get("detail") if isinstance(body, dict) else None
    return clean(_sentence(detail), account)


def clean(text: str, account: Account) -> str:
    """A text from outside on one line, printable, not long, and without the key."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text[:10_000]).split())
    return account.hide(line)[:_LONGEST_WORDS]


def turned_away(words: str) -> RemoteFailure:
    """The failure of a key or an account that is refused; fal.ai's own words are for whoever runs the server."""
    _log.error("fal.ai turns this server away: look at FAL_KEY and at the account", reason=words)
    return RemoteFailure("fal.ai does not accept this server's key or account.")


def _sentence(detail: Any) -> str:
    if isinstance(detail, str):
        return detail
    if not isinstance(detail, list):
        return ""
    faults = [one for one in detail[:5] if isinstance(one, dict) and isinstance(one.get("msg"), str)]
    return "; ".join(": ".join(filter(None, (_field(one.get("loc")), one["msg"]))) for one in faults)


def _field(place: Any) -> str:
    """The field's own name of a place such as ["body", "image_url"]."""
    return str(place[-1]) if isinstance(place, list) and place and isinstance(place[-1], str | int) else ""


@lru_cache
def _transport(once: bool) -> _Bounded:
    """One for each purpose: certificates are read for a tenth of a second, and a pool is for all threads anyway."""
    return _Bounded()


class _Bounded(httpx.BaseTransport):
    """The official client's transport, which knows fal.ai's second domain and the machine's proxy, with limits."""

    def __init__(self) -> None:
        self._inner = official.BackupDomainTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()
            raise httpx.DecodingError("The answer is packed, which was not asked for.", request=request)
        stream = _Bound(response, request)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )


class _Bound(httpx.SyncByteStream):
    """The body of a reply, up to a size and for some time: httpx itself limits each silence only."""

    def __init__(self, response: httpx.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        end = time.monotonic() + _LONGEST_REPLY_SECONDS
        size = 0
        for part in self._response.iter_raw():
            size += len(part)
            if size > _LARGEST_REPLY:
                raise httpx.ReadError("The answer is larger than any should be.", request=self._request)
            if time.monotonic() > end:
                raise httpx.ReadTimeout("The answer trickles in.", request=self._request)
            yield part

    def close(self) -> None:
        self._response.close()
