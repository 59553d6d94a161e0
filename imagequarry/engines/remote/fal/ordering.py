"""Orders a model: one POST of our own, which is repeated only where surely nothing was accepted.

The official client repeats a POST that timed out or broke off, and fal.ai may have accepted each of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import httpx
import structlog

from imagequarry.domain.mesh import MeshWatch
from imagequarry.engines.remote.fal import wire
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.receipt import NOTHING, SENDING, Receipt, is_id, nobody_knows
from imagequarry.errors import RemoteFailure

_log = structlog.stdlib.get_logger(__name__)

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between the tries: half a minute in all."""

_LONGEST_PAUSE = 60.0
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
# With these no connection came about, so no order either. Of anything else nobody knows.
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)


class _Refused(Exception):
    """Surely nothing was accepted; ``again``: seconds after which it may go better, None where it never will."""

    def __init__(self, error: RemoteFailure, again: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again


def order(arguments: dict[str, Any], account: Account, watch: MeshWatch, pauses: Sequence[float] = PAUSES) -> Receipt:
    """The receipt for what was ordered; the caller keeps it.

    Raises ``RemoteFailure`` when fal.ai refuses, cannot be reached or may have accepted, and what ``watch`` raises.
    """
    for pause in (*pauses, None):
        try:
            return _once(arguments, account, watch)
        except _Refused as refusal:
            watch.progress(0.01, refusal.error.message, checkpoint=NOTHING)
            if pause is None or refusal.again is None:
                raise refusal.error from refusal.__cause__
            watch.log(f"{refusal.error.message} Trying again.", "warning")
            _rest(min(_LONGEST_PAUSE, max(pause, refusal.again)), watch)
    raise AssertionError("the last pause is None")


def _once(arguments: dict[str, Any], account: Account, watch: MeshWatch) -> Receipt:
    watch.check()
    try:
        watch.progress(0.02, "Sending the picture to fal.ai.", checkpoint=SENDING)
    except BaseException:
        # The mark may stand there, and nothing follows it.
        watch.progress(0.01, checkpoint=NOTHING)
        raise
    return _posted(arguments, account)


def _posted(arguments: dict[str, Any], account: Account) -> Receipt:
    url = f"{account.queue_url.rstrip('/')}/{account.endpoint}"
    # fal.ai itself drops what nobody waits for any more.
    headers = {"X-Fal-Request-Timeout": f"{max(2, math.ceil(account.timeout))}"}
    try:
        response = wire.connection(account, _TIMEOUT, once=True).post(url, json=arguments, headers=headers)
    except _UNSENT as error:
        raise _Refused(RemoteFailure("fal.ai could not be reached."), again=0.0) from error
    except httpx.HTTPError as error:
        _log.error("nobody knows whether fal.ai took an order", reason=type(error).__name__)
        raise nobody_knows() from error
    if refusal := _refusal(response, account):
        raise refusal
    receipt = _receipt(response, account)
    _log.info("ordered a model at fal.ai", id=receipt.request_id)
    return receipt


def _refusal(response: httpx.Response, account: Account) -> _Refused | None:
    """Why surely nothing was accepted; None where it was, or may have been."""
    status = response.status_code
    words = wire.words_of(response, account)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return _Refused(RemoteFailure("fal.ai takes no more orders for now."), again=_retry_after(response))
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.PAYMENT_REQUIRED, httpx.codes.FORBIDDEN):
        return _Refused(wire.turned_away(words))
    if httpx.codes.is_redirect(status):
        return _Refused(RemoteFailure("FAL_QUEUE_URL is not where fal.ai's queue is: it leads elsewhere."))
    if httpx.codes.is_client_error(status) and status != httpx.codes.REQUEST_TIMEOUT:
        return _Refused(RemoteFailure(f"fal.ai refused the picture: {words or f'status {status}'}"))
    return None


def _receipt(response: httpx.Response, account: Account) -> Receipt:
    try:
        answer = response.json() if response.is_success else None
    except (ValueError, RecursionError):
        answer = None
    # Of the answer only the id is believed: the addresses in it would be asked with our key.
    id = answer.get("request_id") if isinstance(answer, dict) else None
    if not is_id(id):
        _log.error("nobody knows whether fal.ai took an order", status=response.status_code)
        raise nobody_knows()
    return Receipt(str(id), account.endpoint)


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _rest(seconds: float, watch: MeshWatch) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        watch.check()
        time.sleep(min(1.0, left))
