"""How uvicorn speaks WebSocket here: as always, but a client that takes nothing cannot keep its connection."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Protocol(WebSocketsSansIOProtocol):
    """Cuts the connection of a client that gives no sign of life, or takes nothing when the application is done.

    An orderly close would wait for the client to take what was written before, and the server, when it ends, for that.
    """

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if not self.writable.is_set():
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()  # says why, as far as the client takes it
        self.transport.abort()
