"""A bound on the bytes of a request's body, held while it streams in, whatever Content-Length says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLACK = 1024 * 1024
LINGER_SECONDS = 10.0
LINGER_BYTES = 256 * 1024 * 1024


class BodyTooLarge(HTTPException):
    """The request's body has more bytes than its route takes; ``limit`` is their number."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(413, f"The request is larger than the {limit} bytes allowed here.")


class BodyLimit:
    """ASGI middleware that ends a too large request with BodyTooLarge, raised where the route reads its body.

    Raised there, it reaches the handler of the surface whose route was matched, as any HTTPException does. A declared
    Content-Length is refused before a byte is read; a chunked body when it grows past the limit. ``limit_for`` is
    asked once, at the first read, when the router has already put its match into the scope.
    """

    def __init__(self, app: ASGIApp, limit_for: Callable[[Scope], int]) -> None:
        self.app = app
        self.limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exchange = _Exchange(scope, receive, send, self.limit_for)
            await self.app(scope, exchange.receive, exchange.send)
        else:
            await self.app(scope, receive, send)


class _Exchange:
    """One request and its reply."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit_for: Callable[[Scope], int]) -> None:
        headers = dict(scope["headers"])
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit_for = limit_for
        self._limit: int | None = None
        self._declared = _whole_number(headers.get(b"content-length", b""))
        # Such a client sends its body only when asked to, so after a refusal there is nothing to wait for.
        self._waits = headers.get(b"expect", b"").lower() == b"100-continue"
        self._received = 0
        self._complete = False
        self._refused = False
        self._replying = False

    async def receive(self) -> Message:
        if self._replying:
            return await self._receive()
        if self._limit is None:
            self._limit = self._limit_for(self._scope)
        message: Message = {"type": "http.request", "body": b"", "more_body": True}
        if self._declared <= self._limit:
            message = await self._receive()
            self._count(message)
        if max(self._declared, self._received) > self._limit:
            # A streaming reply listens here for the client's leaving, just before it begins, and wants no body: let it
            # begin, for then there is nothing to refuse any more.
            await asyncio.sleep(0)
            if not self._replying:
                self._refused = True
                raise BodyTooLarge(self._limit)
        return message

    def _count(self, message: Message) -> None:
        if message["type"] == "http.request":
            self._waits = False
            self._received += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)

    async def send(self, message: Message) -> None:
        self._replying = True
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        # Refused here, or by a route that looks at its body while it streams in.
        unread = (self._refused or self._received > 0) and not self._complete
        if not (last and unread) or self._waits:
            await self._send(message)
            return
        # Closing a connection with unread bytes in it resets it, and the client may lose the reply it was just sent.
        # So the reply goes out whole, what still arrives is thrown away for a while, and only then the reply ends.
        await self._send({**message, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        drained = 0
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while drained < LINGER_BYTES:
                    message = await self._receive()
                    drained += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def form_room(max_bytes: int, pictures: int = 1) -> int:
    """Bytes of a multipart body that carries ``pictures`` files of ``max_bytes`` each, and its other fields."""
    return max_bytes * pictures + 2 * SLACK


def json_room(max_bytes: int, pictures: int = 1) -> int:
    r"""Bytes of a JSON body that carries ``pictures`` pictures of ``max_bytes`` each as base64.

    Base64 makes 4 bytes of 3; a twentieth more is for line breaks written as ``\n``.
    """
    return (max_bytes * 4 // 3 + max_bytes // 20 + 1024) * pictures + SLACK


def _whole_number(text: bytes) -> int:
    """The number in a Content-Length; 0 where there is none, since the bytes are counted anyway."""
    return int(text) if text.isdigit() and len(text) < 20 else 0
