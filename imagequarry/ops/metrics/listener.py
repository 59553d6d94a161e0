"""A port of its own for Prometheus, which keeps metrics apart from what callers may reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn

import structlog

from imagequarry.errors import QuarryError
from imagequarry.ops.metrics.exposition import CONTENT_TYPE

_log = structlog.stdlib.get_logger(__name__)

PATH = "/metrics"
_PATIENCE_SECONDS = 10.0


class PortTaken(QuarryError):
    """Metrics cannot be served at that address."""


class Listener:
    """Answers ``GET /metrics`` and nothing else, until it is closed. It asks for no key: bind it to what may ask.

    Raises ``PortTaken`` when the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, text: Callable[[], bytes]) -> None:
        class Answering(_Answering):
            metrics = staticmethod(text)

        class Server(ThreadingMixIn, TCPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            allow_reuse_address = True
            daemon_threads = True

        try:
            self._server = Server((host, port), Answering)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise PortTaken(f"Metrics cannot be served at {host}:{port}: {reason}.") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return str(host), port

    def close(self) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_PATIENCE_SECONDS)


@contextmanager
def listening(host: str, port: int, text: Callable[[], bytes]) -> Iterator[None]:
    """Listen for as long as the block lasts; where the port is taken, say so and go on without.

    Of several worker processes one gets the port, and another one when that one ends and is replaced.
    """
    try:
        listener = Listener(host, port, text)
    except PortTaken as error:
        _log.error(error.message + " Free it, or choose another one with METRICS_PORT.")
        yield
        return
    _log.info("metrics are served", address=":".join(map(str, listener.address)), path=PATH)
    try:
        yield
    finally:
        listener.close()


class _Answering(BaseHTTPRequestHandler):
    """One connection."""

    # Of a client that sends nothing or takes nothing.
    timeout = _PATIENCE_SECONDS
    server_version = "imagequarry"
    sys_version = ""
    metrics: Callable[[], bytes]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is not worth a line."""

    def _answer(self, *, with_body: bool) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"Metrics are at {PATH}.")
            return
        body = self.metrics()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)
