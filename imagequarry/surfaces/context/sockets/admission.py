"""Who may open a socket: decided before it is accepted, while an HTTP reply can still say why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.websockets import WebSocket

from imagequarry.errors import Busy, KeyRefused
from imagequarry.surfaces.keys import Keys, key_of
from imagequarry.surfaces.strangers import ForeignOrigin, is_of_ours


class Admission:
    """Checks origin and key, and counts the places that are taken, in all and by address."""

    def __init__(self, keys: Keys, origins: Collection[str], places: int, places_each: int) -> None:
        self._keys = keys
        self._origins = frozenset(origins)
        self._places = places
        self._places_each = places_each
        self._taken: Counter[str] = Counter()

    def is_known(self, headers: Headers) -> bool:
        """Whether the client needs to say no key any more. Raises ForeignOrigin, and KeyRefused for a wrong key."""
        # A browser lets every page open sockets to every server, so a page anywhere could use a server on the machine
        # of its reader, keys or not: unlike other requests, nothing but this check stops it.
        if not is_of_ours(headers, self._origins):
            raise ForeignOrigin
        given = key_of(headers)
        if not self._keys.wanted:
            return True
        if given is not None and not self._keys.knows(given):
            raise KeyRefused
        return given is not None

    @contextmanager
    def place(self, websocket: WebSocket) -> Iterator[None]:
        """Take a place while the socket is open. Raises Busy when there is none."""
        address = websocket.client.host if websocket.client else ""
        if self._taken.total() >= self._places:
            raise Busy("As many WebSockets are open as this server takes; try again later.", retry_after=10)
        if self._taken[address] >= self._places_each:
            raise Busy("As many WebSockets are open from this address as it may have.", retry_after=10)
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken[address] -= 1
            self._taken += Counter()  # forget the addresses without any
