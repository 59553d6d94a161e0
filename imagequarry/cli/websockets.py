"""How uvicorn speaks WebSocket here: as always, but a client that does not read cannot keep its connection."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Protocol(WebSocketsSansIOProtocol):
    """Cuts the connection when the application is done with a client to which nothing can be written.

    An orderly close would wait for the client to take what was written before, and the server, when it ends, for that.
    """

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if not self.writable.is_set():
            self.transport.abort()
