"""Server-sent events to one client: what its outbox holds, as it comes, until one of the two has enough."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from anyio import CancelScope, create_task_group
from starlette.types import Message, Receive, Send

from imagequarry.errors import Busy
from imagequarry.surfaces.watching.outbox import Outbox

_PING = ": ping\n\n"
# What a browser is told when the server ends: to come back after so many milliseconds.
_COME_BACK = "retry: 2000\n\n"
# No event is empty, so this stands for the end.
_END = ""
_PARTING_SECONDS = 1.0
# What waits is sent together, but so little that a client that stops taking it leaves little behind.
_SENT_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Streams in all; events that wait for a client; seconds it may take for one, and those between signs of life."""

    places: int = 1000
    waiting: int = 500
    send_seconds: float = 30.0
    ping_seconds: float = 15.0


class EventStream:
    """One reply. Belongs to one event loop; ``seconds`` is how long it lasts at most."""

    def __init__(self, seconds: float, limits: StreamLimits) -> None:
        self._seconds = seconds
        self._limits = limits
        self._outbox = Outbox(limits.waiting)
        self._scope = CancelScope()
        self._closed = False
        self._gone = False

    def put(self, text: str, replaces: str | None = None) -> None:
        """Send an event, in place of one that waits under the same key; a slow client loses the oldest that wait."""
        self._outbox.put_last(text, replaces)

    def finish(self) -> None:
        """End when all that waits was sent."""
        self._outbox.put_last(_END)

    def close(self) -> None:
        """End now, because the server does."""
        self._closed = True
        self._scope.cancel()

    async def run(self, receive: Receive, send: Send) -> None:
        """Send until the end, the last second or the client's leaving, which is noticed while nothing happens too.

        Raises Busy, before anything is sent, when it was closed already.
        """
        if self._closed:
            raise Busy("The server is shutting down.")
        async with create_task_group() as tasks:
            self._scope = tasks.cancel_scope
            tasks.start_soon(self._listen, receive)
            await self._send_all(send)
            tasks.cancel_scope.cancel()
        if not self._gone:
            # A client that takes nothing cannot be told; the server behind us closes its connection.
            with suppress(TimeoutError):
                async with asyncio.timeout(_PARTING_SECONDS):
                    await send(_body(_COME_BACK if self._closed else "", more=False))

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._scope.cancel()

    async def _send_all(self, send: Send) -> None:
        until = asyncio.get_running_loop().time() + self._seconds
        await send(_head())
        is_over = False
        while not is_over:
            texts = await self._next(until)
            is_over = _END in texts
            text = "".join(texts[: texts.index(_END)] if is_over else texts)
            try:
                async with asyncio.timeout(self._limits.send_seconds):
                    await send(_body(text, more=True))
            except TimeoutError:
                return

    async def _next(self, until: float) -> list[str]:
        """What waits, or a sign of life while nothing does, or the end when its time has come."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(min(until, clock() + self._limits.ping_seconds)):
                return [await self._outbox.next(), *self._outbox.rest(_SENT_AT_ONCE)]
        except TimeoutError:
            return [_PING if clock() < until else _END]


def _head() -> Message:
    # Made anew for each reply: what stands between adds headers of its own.
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache"),
        # Proxies such as nginx collect what they pass on unless they are told not to.
        (b"x-accel-buffering", b"no"),
    ]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(text: str, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": text.encode(errors="replace"), "more_body": more}
