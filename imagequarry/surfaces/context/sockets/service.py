"""The sockets of one process: lets them in, knows which are open, and ends them with the server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack

from anyio import CapacityLimiter
from pydantic import BaseModel
from starlette.websockets import WebSocket

from imagequarry.errors import QuarryError
from imagequarry.surfaces.context.dialect import render, timestamp
from imagequarry.surfaces.context.sockets.admission import Admission
from imagequarry.surfaces.context.sockets.connection import GOING_AWAY, Connection, House
from imagequarry.surfaces.context.sockets.following import Following
from imagequarry.surfaces.context.sockets.limits import SocketLimits
from imagequarry.surfaces.context.sockets.live_search import Search
from imagequarry.surfaces.keys import Keys
from imagequarry.surfaces.streams import Streams
from imagequarry.surfaces.watching.feed import Feed


class SocketStats(BaseModel):
    """What is open now, and what went through since the server started; ``task`` counts channels of single tasks."""

    total_connections: int
    active_connections: int
    connections_by_endpoint: dict[str, int]
    subscriptions: dict[str, int]
    messages_sent: int
    messages_received: int
    dropped_clients: int
    timestamp: str


class Sockets:
    """All sockets of one event loop; make it inside. ``processing`` are the kinds of jobs of the channel so called."""

    def __init__(
        self,
        feed: Feed,
        keys: Keys,
        streams: Streams,
        *,
        origins: Collection[str],
        processing: Collection[str],
        search: Search,
        limits: SocketLimits | None = None,
    ) -> None:
        limits = limits or SocketLimits()
        self._admission = Admission(keys, origins, limits.places, limits.places_each)
        self._streams = streams
        self._following = Following(feed, processing)
        self._house = House(self._following, keys, search, limits, CapacityLimiter(limits.searches))
        self._total = 0
        self._active: Counter[str] = Counter()

    async def serve(self, websocket: WebSocket, channels: Sequence[str] = ()) -> None:
        """Speak with a client until it leaves or the server ends; refuse it with an HTTP reply before."""
        # The server's log shows the address, and some clients put their key there.
        websocket.scope["query_string"] = b""
        loop = asyncio.get_running_loop()
        with ExitStack() as open_now:
            try:
                is_known = self._admission.is_known(websocket.headers)
                open_now.enter_context(self._admission.place(websocket))
                connection = Connection(websocket, self._house, channels, is_known=is_known)

                def end() -> None:
                    loop.call_soon_threadsafe(connection.end, GOING_AWAY, "The server is shutting down.")

                open_now.enter_context(self._streams.opened(end))
            except QuarryError as error:
                await _refuse(websocket, error)
                return
            endpoint = str(websocket.scope["path"])
            self._total += 1
            self._active[endpoint] += 1
            open_now.callback(self._active.subtract, [endpoint])
            await connection.run()

    @property
    def active(self) -> int:
        """How many are open; may be asked from any thread."""
        return sum(self._active.values())

    def stats(self) -> SocketStats:
        """The counts; may be asked from any thread."""
        traffic = self._house.traffic
        by_endpoint = {endpoint: count for endpoint, count in sorted(self._active.items()) if count}
        return SocketStats(
            total_connections=self._total,
            active_connections=sum(by_endpoint.values()),
            connections_by_endpoint=by_endpoint,
            subscriptions=self._following.counts(),
            messages_sent=traffic.sent,
            messages_received=traffic.received,
            dropped_clients=traffic.dropped_clients,
            timestamp=timestamp(),
        )


async def _refuse(websocket: WebSocket, error: QuarryError) -> None:
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(render(error))
    else:
        await websocket.close()
