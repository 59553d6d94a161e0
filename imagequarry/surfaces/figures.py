"""What the edge tells Prometheus of itself: requests under way, what stays open, and who was told to wait."""

from __future__ import annotations

from collections.abc import Callable

from imagequarry.ops.metrics import LookedUp, RequestTimes
from imagequarry.surfaces.rate_limits import Limiter


def figures(
    times: RequestTimes, limiter: Limiter | None, sockets: Callable[[], int], event_streams: Callable[[], int]
) -> tuple[LookedUp, ...]:
    """All of it; ``sockets`` and ``event_streams`` say how many are open."""
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
            lambda: {("websocket",): sockets(), ("events",): event_streams()},
        ),
        LookedUp(
            "counter",
            "imagequarry_rate_limited",
            "Requests that were refused because their caller asked too often.",
            ("window",),
            lambda: {(f"{seconds}s",): count for seconds, count in (limiter.refused if limiter else {}).items()},
        ),
    )
