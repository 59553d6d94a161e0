"""Fetches what fal.ai made, at once since its links expire: a bounded number of bytes, from where links may lead."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import httpx
import structlog

from imagequarry.domain.watch import Watch
from imagequarry.engines.remote.fal import addresses
from imagequarry.engines.remote.fal.tripo3d import Link
from imagequarry.errors import RemoteFailure

_log = structlog.stdlib.get_logger(__name__)

_REDIRECTS = 3
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
# Of the key nothing is sent along: a link is good by itself.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "image-quarry"}

Told = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads for one queue: ``inside`` when that is on our own network, where its links may then lead too."""

    inside: bool
    tries: int = 3
    pause: float = 1.0
    seconds: float = 300.0

    def fetch(self, link: Link, most_bytes: int, watch: Watch, told: Told = lambda _: None) -> bytes:
        """The file's bytes; ``told`` hears which share is there. Raises ``RemoteFailure``, and what the two raise."""
        for left in reversed(range(self.tries)):
            watch.check()
            try:
                return self._fetched(link, most_bytes, watch, told)
            except httpx.HTTPError as error:
                _log.warning("a file of fal.ai did not come through", reason=type(error).__name__, tries_left=left)
                if not left:
                    raise RemoteFailure("The file that fal.ai made could not be downloaded.") from error
                time.sleep(self.pause)
        raise AssertionError("the last try returns or raises")

    def _fetched(self, link: Link, most_bytes: int, watch: Watch, told: Told) -> bytes:
        url = addresses.checked(link.url)
        for _ in range(_REDIRECTS + 1):
            with self._client() as http:
                response = self._open(http, url)
                try:
                    if not response.has_redirect_location:
                        return self._read(response, link, most_bytes, watch, told)
                    url = addresses.checked(str(url.join(response.headers["location"])))
                finally:
                    response.close()
        raise RemoteFailure("A link of fal.ai leads from one place to the next.")

    def _client(self) -> httpx.Client:
        return httpx.Client(verify=_certificates(), headers=_HEADERS, timeout=_TIMEOUT, follow_redirects=False)

    def _open(self, http: httpx.Client, url: httpx.URL) -> httpx.Response:
        """The head of the answer, from the first of the host's addresses that answers."""
        *others, last = addresses.reachable(url, self.inside)
        for address in others:
            try:
                return http.send(_request(http, url, address), stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return http.send(_request(http, url, last), stream=True)

    def _read(self, response: httpx.Response, link: Link, most_bytes: int, watch: Watch, told: Told) -> bytes:
        if response.is_server_error:
            response.raise_for_status()
        if response.status_code != httpx.codes.OK:
            raise RemoteFailure(f"A link of fal.ai answers with status {response.status_code}.")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise RemoteFailure("A file of fal.ai is packed, which was not asked for.")
        end = time.monotonic() + self.seconds
        data = bytearray()
        for part in response.iter_raw():
            data += part
            watch.check()
            if len(data) > most_bytes:
                raise RemoteFailure(f"A file of fal.ai is larger than {most_bytes // 2**20} MB.")
            if time.monotonic() > end:
                raise RemoteFailure("A file of fal.ai does not come in time.")
            told(min(1.0, len(data) / (link.size or most_bytes)))
        if link.size is not None and len(data) < link.size:
            raise httpx.ReadError("The file is shorter than was said.", request=response.request)
        return bytes(data)


@lru_cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _request(http: httpx.Client, url: httpx.URL, address: str | None) -> httpx.Request:
    """The request to exactly that address; the certificate is still asked for the name."""
    if address is None:
        return http.build_request("GET", url)
    named = {"sni_hostname": url.raw_host.decode("ascii")}
    return http.build_request(
        "GET", url.copy_with(host=address), headers={"Host": url.netloc.decode("ascii")}, extensions=named
    )
