"""Calls of the Drive API: with a token, within a time, and again where that may help."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from imagequarry.errors import RemoteFailure
from imagequarry.stores.drive.login import Login
from imagequarry.stores.drive.refusals import Temporary, refusal, temporary

T = TypeVar("T")

_LARGEST_REPLY = 2**20
_LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How often one thing is tried, and the seconds before the second attempt, doubled before each further one."""

    attempts: int = 5
    pause: float = 0.5

    def wait(self, failures: int, error: Temporary) -> None:
        """Sleep before the next attempt, or raise the error again when there have been enough."""
        if failures >= self.attempts:
            raise error
        seconds = max(self.pause * 2.0 ** (failures - 1), error.wait)
        # Jitter, so that clients which failed together do not come back together.
        time.sleep(min(seconds, _LONGEST_WAIT) * random.uniform(0.75, 1.25))

    def over(self, attempt: Callable[[], T]) -> T:
        """What the attempt returns once it no longer raises ``Temporary``."""
        failures = 0
        while True:
            try:
                return attempt()
            except Temporary as error:
                failures += 1
                self.wait(failures, error)


@dataclass(frozen=True, slots=True)
class Reply:
    """What Google answered: a JSON object, empty where there was none."""

    status: int
    headers: httpx.Headers
    body: Mapping[str, Any]


class Calls:
    """Requests with whole replies, and all failures as ``RemoteFailure``.

    ``timeout`` in seconds is for each step of a request: connect, send, wait.
    """

    def __init__(self, client: httpx.Client, login: Login, api_url: str, timeout: float) -> None:
        self._client = client
        self._login = login
        self._api_url = api_url.rstrip("/")
        self._timeout = timeout

    def api(self, method: str, path: str, until: float | None = None, **request: Any) -> Reply:
        """Call the API as who we are. ``until`` is the moment (``time.monotonic``) at which to give up."""
        url = self._api_url + path
        token = self._login.token(self._left(until))
        reply = self.once(method, url, token, until, **request)
        if reply.status == httpx.codes.UNAUTHORIZED:
            # Tokens can end before their time: one new one, and what happens then is the answer.
            token = self._login.token(self._left(until), refused=token)
            reply = self.once(method, url, token, until, **request)
        return checked(reply)

    def once(self, method: str, url: str, token: str = "", until: float | None = None, **request: Any) -> Reply:
        """One exchange, whatever its status. Raises ``Temporary`` when the connection failed."""
        headers = dict(request.pop("headers", {})) | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with self._client.stream(method, url, headers=headers, timeout=self._left(until), **request) as response:
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if len(content) > _LARGEST_REPLY:
                        raise RemoteFailure("Google Drive answered with more than can be taken.")
                    self._left(until)
                return Reply(response.status_code, response.headers, _json(bytes(content)))
        except httpx.TimeoutException as error:
            raise temporary("Google Drive did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise temporary("Google Drive could not be reached.") from error

    def _left(self, until: float | None) -> float:
        if until is None:
            return self._timeout
        left = until - time.monotonic()
        if left <= 0:
            raise temporary("Google Drive did not answer in time.")
        return min(left, self._timeout)


def checked(reply: Reply) -> Reply:
    """The reply, if it is a success. Raises ``RemoteFailure``."""
    if reply.status not in (200, 201):
        raise refusal(reply.status, reply.body, reply.headers.get("Retry-After", ""))
    return reply


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
