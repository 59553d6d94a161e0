"""``imagequarry serve``: the server, and a line that says where to go."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from rich.console import Console

from imagequarry.settings import Settings, SettingsFault, read_settings

console = Console(stderr=True, highlight=False)

# Long enough for a segmentation under way, short enough for an orchestrator that waits.
_GRACE_SECONDS = 30


def serve(host: str | None, port: int | None, dev: bool) -> None:
    """Serve until a signal comes; what was begun then is finished first."""
    given: dict[str, Any] = {"host": host, "port": port}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    _warn(settings)
    if dev:
        # The reloader starts processes of its own, which read the environment anew: hence the application by name.
        target = "imagequarry.app:create_dev_app"
        uvicorn.run(target, factory=True, reload=True, host=settings.host, port=settings.port, log_config=None)
        return
    from imagequarry import runtime
    from imagequarry.app import create_app

    with _bound(settings) as listening:
        # Before anything is served, so that a database that cannot be used is one sentence here.
        app = create_app(settings, parts=runtime.assemble(settings))
        _run(app, settings, listening)


def _run(app: Callable[..., Any], settings: Settings, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_announce, args=(server, settings.host), name="announce", daemon=True).start()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn takes these while it runs and raises them anew when it is done: an orderly end is no failure.
        signal.signal(signal_number, lambda number, frame: None)
    server.run(sockets=[listening])
    if not server.started:
        raise SystemExit(1)


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
