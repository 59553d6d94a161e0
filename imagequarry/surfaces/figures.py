"""What the edge tells Prometheus of itself: requests under way, and what stays open."""

from __future__ import annotations

from collections.abc import Callable

from imagequarry.ops.metrics import LookedUp, RequestTimes
from imagequarry.surfaces.streams import Streams


def figures(times: RequestTimes, streams: Streams, sockets: Callable[[], int]) -> tuple[LookedUp, ...]:
    """All of it; ``sockets`` is how many WebSockets are open. They are among the streams too, and told apart here."""
    return (
        LookedUp(
            "gauge",
            "imagequarry_http_requests_in_flight",
            "Requests that came and whose replies are not complete, event streams among them.",
            (),
            lambda: {(): times.in_flight},
        ),
        LookedUp(
            "gauge",
            "imagequarry_streams_open",
            "Clients that are told of events as they happen.",
            ("kind",),
            lambda: {("websocket",): sockets(), ("events",): max(0, streams.count - sockets())},
        ),
    )
