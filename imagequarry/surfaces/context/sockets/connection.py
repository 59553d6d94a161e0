"""One socket from its acceptance to its end: a task that listens, a task that sends, and the reason why it ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from anyio import CapacityLimiter, create_task_group
from starlette.websockets import WebSocket, WebSocketDisconnect

from imagequarry.errors import InvalidInput, KeyMissing, KeyRefused, QuarryError
from imagequarry.ops.logs import logger
from imagequarry.surfaces.context.sockets import messages
from imagequarry.surfaces.context.sockets.following import Following, Message
from imagequarry.surfaces.context.sockets.limits import SocketLimits
from imagequarry.surfaces.context.sockets.live_search import LiveSearch, Search
from imagequarry.surfaces.context.sockets.pace import Pace
from imagequarry.surfaces.keys import Keys
from imagequarry.surfaces.watching.outbox import Outbox
from imagequarry.surfaces.watching.subscriptions import Subscription

_log = logger(__name__)

GOING_AWAY = 1001
TOO_FAST = 1008
TOO_BIG = 1009
FAULT = 1011
TOO_SLOW = 1013
NO_KEY = 4401

# What is still to be sent when a socket ends, and the close itself, may take so long.
_PARTING_SECONDS = 1.0


@dataclass(slots=True)
class Traffic:
    """What went through all sockets."""

    sent: int = 0
    received: int = 0
    dropped_clients: int = 0


@dataclass(frozen=True, slots=True)
class House:
    """What the sockets of a process share."""

    following: Following
    keys: Keys
    search: Search
    limits: SocketLimits
    threads: CapacityLimiter
    traffic: Traffic = field(default_factory=Traffic)


@dataclass(frozen=True, slots=True)
class End:
    """Why a socket ends: a close code and a sentence of at most 123 bytes, or ``gone`` when the client left."""

    code: int
    reason: str = ""
    gone: bool = False


_GONE = End(1006, gone=True)


class Connection:
    """Speaks with one client. ``is_known``: it needs to say no key any more."""

    def __init__(self, websocket: WebSocket, house: House, channels: Sequence[str], *, is_known: bool) -> None:
        self._websocket = websocket
        self._house = house
        self._channels = channels
        self._is_known = is_known
        self._joined = False
        self._outbox = Outbox(house.limits.waiting)
        self._pace = Pace(house.limits.messages_per_second, house.limits.messages_at_once)
        self._search = LiveSearch(house.search, house.threads, self._tell)
        self._subscriptions: dict[str, Subscription[Message]] = {}
        self._end: End | None = None
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Accept, and speak until one of the two ends it; afterwards nothing of the socket is left."""
        try:
            async with create_task_group() as tasks:
                tasks.start_soon(self._guarded, self._listen)
                tasks.start_soon(self._guarded, self._send_all)
                await self._over.wait()
                tasks.cancel_scope.cancel()
        finally:
            self._search.close()
            for subscription in self._subscriptions.values():
                self._house.following.unfollow(subscription)
            if self._joined:
                self._house.following.leave()
        end = self._end
        assert end is not None
        if not end.gone:
            # A client that does not read cannot be told; one that left meanwhile need not be.
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(_PARTING_SECONDS):
                    await self._websocket.close(end.code, end.reason)

    def end(self, code: int, reason: str) -> None:
        """End it now; what waits to be sent is lost."""
        self._finish(End(code, reason))

    def _finish(self, end: End) -> bool:
        if self._end is not None:
            return False
        self._end = end
        self._over.set()
        return True

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except WebSocketDisconnect:
            self._finish(_GONE)
        except Exception:  # noqa: BLE001 - one socket's fault ends that socket, in the words of its protocol
            _log.exception("a WebSocket failed")
            self._finish(End(FAULT, "Something went wrong inside the server."))

    async def _send_all(self) -> None:
        while True:
            text = await self._outbox.next()
            try:
                async with asyncio.timeout(self._house.limits.send_seconds):
                    await self._websocket.send_text(text)
            except TimeoutError:
                self._drop()
                return
            self._house.traffic.sent += 1

    def _tell(self, text: str, replaces: Hashable = None) -> None:
        if not self._outbox.put(text, replaces):
            self._drop()

    def _drop(self) -> None:
        if self._finish(End(TOO_SLOW, "The client reads more slowly than there is to tell.")):
            self._house.traffic.dropped_clients += 1

    async def _part(self, code: int, error: QuarryError) -> None:
        """Say why, see that it is sent, and end."""
        self._tell(messages.failed(error))
        with suppress(TimeoutError):
            async with asyncio.timeout(_PARTING_SECONDS):
                await self._outbox.emptied()
        self.end(code, error.message)

    async def _listen(self) -> None:
        await self._websocket.accept()
        if not self._is_known and not await self._hear_key():
            return
        self._joined = True
        await self._house.following.join()
        self._tell(messages.connected(uuid.uuid4().hex, self._channels))
        for channel in self._channels:
            self._follow(channel)
        while self._end is None:
            text = await self._hear()
            if text is not None:
                try:
                    await self._answer(messages.read(text))
                except QuarryError as error:
                    self._tell(messages.failed(error))

    async def _hear(self) -> str | None:
        """The next message; None for one that breaks the rules, which was answered."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        self._house.traffic.received += 1
        limits = self._house.limits
        text: str | None = message.get("text")
        if not self._pace.allows():
            await self._part(TOO_FAST, InvalidInput("The client sends more messages than it may."))
        elif text is None:
            self._tell(messages.failed(InvalidInput("Messages are JSON texts; this one is binary.")))
        elif len(text) > limits.message_bytes or len(text.encode()) > limits.message_bytes:
            await self._part(TOO_BIG, InvalidInput(f"A message has {limits.message_bytes} bytes at most."))
        else:
            return text
        return None

    async def _hear_key(self) -> bool:
        """Whether the first message is a key that the server knows; nothing else is answered before."""
        error: QuarryError = KeyMissing("An API key is required, as header or as the first message.")
        try:
            async with asyncio.timeout(self._house.limits.key_seconds):
                text = await self._hear()
            said = messages.read(text or "")
            if isinstance(said, messages.Auth):
                if self._house.keys.knows(said.api_key):
                    self._tell(messages.authenticated())
                    return True
                error = KeyRefused()
        except (TimeoutError, InvalidInput):
            pass
        await self._part(NO_KEY, error)
        return False

    async def _answer(self, said: messages.Incoming) -> None:
        match said:
            case messages.Ping():
                self._tell(messages.pong())
            case messages.Auth():
                if self._house.keys.wanted and not self._house.keys.knows(said.api_key):
                    raise KeyRefused
                self._tell(messages.authenticated())
            case messages.Subscribe():
                await self._subscribe(said)
            case messages.Unsubscribe():
                if mine := self._subscriptions.pop(said.channel, None):
                    self._house.following.unfollow(mine)
                self._tell(messages.unsubscribed(said.channel))
            case messages.SearchWish():
                self._search.wish(said)

    async def _subscribe(self, said: messages.Subscribe) -> None:
        limits = self._house.limits
        if said.channel not in self._subscriptions and len(self._subscriptions) >= limits.channels:
            raise InvalidInput(f"A socket follows {limits.channels} channels at most.")
        # What happens while the past is read waits for it.
        mine = self._follow(said.channel)
        mine.hold()
        try:
            past = await self._house.following.past(said.channel, said.since, limits.waiting // 2)
        except QuarryError:
            self._house.following.unfollow(self._subscriptions.pop(said.channel))
            raise
        await self._outbox.emptied()
        self._tell(messages.subscribed(said.channel))
        for text, replaces in past:
            self._tell(text, replaces)
        mine.release()

    def _follow(self, channel: str) -> Subscription[Message]:
        """Hear of the channel, once however often it is asked for."""
        if channel in self._subscriptions:
            self._house.following.unfollow(self._subscriptions[channel])
        mine = self._subscriptions[channel] = Subscription(channel, lambda message: self._tell(*message))
        self._house.following.follow(mine)
        return mine
