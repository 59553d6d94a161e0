"""How much one client may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Sockets in all and from one address; bytes of a message; messages a second and at once; messages that wait to be
    sent to a client, and how long (seconds) a client may take for one of them, and for its key."""

    places: int = 200
    places_each: int = 50
    message_bytes: int = 64 * 1024
    messages_per_second: float = 50.0
    messages_at_once: int = 200
    waiting: int = 256
    channels: int = 64
    send_seconds: float = 10.0
    key_seconds: float = 10.0
    searches: int = 4
