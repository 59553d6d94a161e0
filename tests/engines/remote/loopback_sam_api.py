"""A SAM API on loopback in document C's words, and ways for it to misbehave."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fixtures.pictures import encoded


@dataclass
class LoopbackSamApi:
    """Answers every picture with the same ``masks`` (H, W) until something else is set."""

    masks: list[NDArray[np.bool_]]
    prefix: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    changed: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    # Sends single bytes for ever, at this pace in seconds.
    drops: float | None = None
    endless: bool = False
    url: str = ""
    received: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def reply(self) -> bytes:
        """The documented answer."""
        if self.body is not None:
            return self.body
        height, width = self.masks[0].shape
        masks = [
            {
                "id": number + 1,
                "mask_b64": self.prefix + base64.b64encode(encoded(mask.astype(np.uint8) * 255, "PNG")).decode(),
                "bbox": [0, 0, width, height],
                "area": int(mask.sum()),
            }
            for number, mask in enumerate(self.masks)
        ]
        return json.dumps({"processed_masks": masks, "width": width, "height": height} | self.changed).encode()


class _Handler(BaseHTTPRequestHandler):
    api: LoopbackSamApi

    def do_POST(self) -> None:
        api = self.api
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        api.received.append((dict(self.headers), sent))
        time.sleep(api.seconds)
        self.send_response(api.status)
        for name, value in api.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            while api.endless:
                self.wfile.write(b" " * 2**16)
            while api.drops is not None:
                self.wfile.write(b" ")
                time.sleep(api.drops)
            self.wfile.write(api.reply())
        except OSError:
            # The client had enough.
            return

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def serving(api: LoopbackSamApi) -> Iterator[LoopbackSamApi]:
    """The API at a free port."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    api.url = f"http://127.0.0.1:{server.server_port}/segment"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
