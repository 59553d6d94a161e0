"""A Hugging Face hub on loopback: its API, its redirects to a storage host, range requests, and ways to misbehave."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class LoopbackHub:
    """One repository. Large files are redirected to the storage host, as the real hub does."""

    repository: str
    files: dict[str, bytes]
    revision: str = REVISION
    token: str = ""
    api_status: int = 200
    api_body: bytes | None = None
    error_code: str = ""
    # What goes wrong with the bytes of a file.
    ranges: bool = True
    wrong_range: bool = False
    cut_after: int | None = None
    cuts: int = 0
    endless: bool = False
    sent: dict[str, bytes] = field(default_factory=dict)
    stated: dict[str, dict[str, object]] = field(default_factory=dict)
    file_status: int = 200
    # Every request: host ("hub" or "storage"), path, headers.
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    hub_url: str = ""
    storage_url: str = ""
    # Holds every body back after its first bytes, until it is set.
    go_on: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)

    def described(self) -> bytes:
        """What the API says of the repository."""
        siblings = []
        for name, data in self.files.items():
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            sibling: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git}
            if self.is_large(name):
                sha256 = hashlib.sha256(data).hexdigest()
                sibling["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 135}
            siblings.append(sibling | self.stated.get(name, {}))
        body = {"id": self.repository, "sha": self.revision, "gated": bool(self.token), "siblings": siblings}
        return json.dumps(body).encode()

    def is_large(self, name: str) -> bool:
        return not name.endswith((".json", ".md"))

    def downloads(self) -> list[tuple[str, str]]:
        """Path and range of every request to the storage host."""
        return [(path, headers.get("Range", "")) for host, path, headers in self.requests if host == "storage"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub
    host: str

    def do_GET(self) -> None:
        hub, path = self.hub, self.path
        hub.requests.append((self.host, path, dict(self.headers)))
        if self.host == "hub" and hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self._answer(401, b"{}", {"X-Error-Code": "GatedRepo"})
        if path.startswith("/api/"):
            return self._api(path)
        name = path.removeprefix(f"/{hub.repository}/resolve/{hub.revision}").removeprefix("/")
        if hub.file_status != 200:
            return self._answer(hub.file_status, b"no", {})
        if name not in hub.files:
            return self._answer(404, b"Entry not found", {"X-Error-Code": "EntryNotFound"})
        if self.host == "hub":
            if not path.startswith(f"/{hub.repository}/resolve/{hub.revision}/"):
                return self._answer(404, b"Revision not found", {"X-Error-Code": "RevisionNotFound"})
            if hub.is_large(name):
                return self._answer(302, b"", {"Location": f"{hub.storage_url}/{name}"})
        self._file(hub.sent.get(name, hub.files[name]))

    def _api(self, path: str) -> None:
        if path != f"/api/models/{self.hub.repository}?blobs=true":
            return self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        headers = {"X-Error-Code": self.hub.error_code} if self.hub.error_code else {}
        self._answer(self.hub.api_status, self.hub.api_body or self.hub.described(), headers)

    def _file(self, data: bytes) -> None:
        hub = self.hub
        start, status, headers = 0, 200, {}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and hub.ranges:
            start, status = int(asked[1]), 206
            told = start + hub.wrong_range
            headers["Content-Range"] = f"bytes {told}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        if hub.cut_after is not None and hub.cuts > 0 and len(body) > hub.cut_after:
            hub.cuts -= 1
            self._answer(status, body[: hub.cut_after], headers, stated=len(body))
            self.close_connection = True
            return
        if hub.endless:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(bytes(2**16))
            except OSError:
                return
        if hub.go_on is not None and len(body) > 2**21:
            self._answer(status, body[: 2**21], headers, stated=len(body))
            hub.begun.set()
            hub.go_on.wait(60)
            self.wfile.write(body[2**21 :])
            return
        self._answer(status, body, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], stated: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if stated is None else stated))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that went away is what some tests are about.
        pass


@contextmanager
def serving(hub: LoopbackHub) -> Iterator[LoopbackHub]:
    """The hub and its storage host, each at a free port."""
    servers = []
    for host in ("hub", "storage"):
        handler = type("Handler", (_Handler,), {"hub": hub, "host": host})
        servers.append(_Server(("127.0.0.1", 0), handler))
    # Different host names, since a token must not follow from one to the other.
    hub.hub_url = f"http://127.0.0.1:{servers[0].server_port}"
    hub.storage_url = f"http://localhost:{servers[1].server_port}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        if hub.go_on is not None:
            hub.go_on.set()
        for server in servers:
            server.shutdown()
            server.server_close()
