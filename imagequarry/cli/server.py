"""``imagequarry serve``: the server, and a line that says where to go."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import signal
import socket
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from rich.console import Console

from imagequarry.settings import Settings, SettingsFault, read_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from imagequarry.surfaces.streams import Streams

console = Console(stderr=True, highlight=False)

# Long enough for a segmentation under way, short enough for an orchestrator that waits.
_GRACE_SECONDS = 30
# Streams are told to end before the server stops serving, and have this long to say so to their clients.
_STREAM_SECONDS = 1.5
# So long after, a connection that is closing but still holds what its client does not take is cut.
_CUT_SECONDS = 3.0
# WebSockets: bytes of a message, and seconds between two signs of life; who gives none for so long is gone.
WEBSOCKETS: dict[str, Any] = {
    # Imported when something is served, and only then.
    "ws": "imagequarry.cli.websockets:Protocol",
    "ws_max_size": 64 * 1024,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    # The messages are short, and a compressor for each client costs memory.
    "ws_per_message_deflate": False,
}


def serve(host: str | None, port: int | None, dev: bool) -> None:
    """Serve until a signal comes; what was begun then is finished first."""
    given: dict[str, Any] = {"host": host, "port": port}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    _warn(settings)
    if dev:
        # The reloader starts processes of its own, which read the environment anew: hence the application by name.
        target = "imagequarry.app:create_dev_app"
        address: dict[str, Any] = {"host": settings.host, "port": settings.port}
        uvicorn.run(target, factory=True, reload=True, log_config=None, **address, **WEBSOCKETS)
        return
    from imagequarry.app import create_app
    from imagequarry.runtime import assembling

    _let_many_in()
    with _bound(settings) as listening:
        # Before anything is served, so that a database that cannot be used is one sentence here.
        app = create_app(settings, parts=assembling.assemble(settings))
        _run(app, settings, listening)


class Server(uvicorn.Server):
    """Ends what streams before it ends itself: uvicorn alone would wait for every open stream."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams
        # Python runs a signal's handler between any two steps of the main thread, which may hold any lock; putting
        # into this queue takes none.
        self._signals: SimpleQueue[tuple[int, FrameType | None]] = SimpleQueue()
        threading.Thread(target=self._leave, name="leave", daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams, and then the server; any further signal is for the server itself."""
        if self._streams.closing:
            super().handle_exit(sig, frame)
        else:
            self._signals.put((sig, frame))

    def _leave(self) -> None:
        sig, frame = self._signals.get()
        self._streams.close()
        self._streams.wait(_STREAM_SECONDS)
        super().handle_exit(sig, frame)
        time.sleep(_CUT_SECONDS)
        for connection in tuple(self.server_state.connections):
            with suppress(RuntimeError):  # the loop ended meanwhile
                connection.loop.call_soon_threadsafe(_cut, connection.transport)


def _cut(transport: asyncio.BaseTransport | None) -> None:
    """Free a connection whose reply is over but whose client takes nothing: the server would wait for it."""
    if isinstance(transport, asyncio.WriteTransport) and transport.is_closing():
        transport.abort()


def _run(app: FastAPI, settings: Settings, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        **WEBSOCKETS,
    )
    server = Server(config, app.state.streams)
    threading.Thread(target=_announce, args=(server, settings.host), name="announce", daemon=True).start()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn takes these while it runs and raises them anew when it is done: an orderly end is no failure.
        signal.signal(signal_number, lambda number, frame: None)
    server.run(sockets=[listening])
    # The process ends: looking for cycles among all that the models brought along would take it seconds.
    gc.freeze()
    if not server.started:
        raise SystemExit(1)


def _let_many_in() -> None:
    """Open as many files as the system allows: every client is one, and most processes begin with 1024."""
    with suppress(ImportError, ValueError, OSError):  # systems other than Unix have no such limit
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _bound(settings: Settings) -> socket.socket:
    """The socket, taken before the work begins: a second server on the same port must not touch the data."""
    try:
        return socket.create_server(
            (settings.host, settings.port), family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        )
    except OSError as error:
        raise SettingsFault(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.") from error


def _announce(server: uvicorn.Server, host: str) -> None:
    while not (server.started or server.should_exit):
        time.sleep(0.02)
    if server.started:
        port = server.servers[0].sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        console.print(f"[bold green]Image Quarry[/] is at http://{shown}:{port}  (all routes: /docs; Ctrl+C ends it)")


def _warn(settings: Settings) -> None:
    if not settings.api_keys and not _is_loopback(settings.host):
        console.print(
            f"[bold red]WARNING[/] No API_KEYS are set and the server listens on {settings.host}: everybody who "
            "reaches this machine can use it, read its pictures and delete them. Set API_KEYS, or HOST=127.0.0.1."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
