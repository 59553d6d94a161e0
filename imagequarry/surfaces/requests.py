"""Two middlewares round every request: its id, its time and its access line, and a reply when all else failed."""

from __future__ import annotations

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagequarry.ops.logs import access_logger, bound, logger
from imagequarry.ops.metrics import RequestTimes
from imagequarry.surfaces.surface import Surfaces, Unexpected

log = logger(__name__)
access = access_logger()

# What may be taken over from a caller: nothing that could forge a log line or a header.
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


class RequestContext:
    """Gives a request its id, the metrics its time, and the log its line. Pure ASGI, so that streams pass untouched."""

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self._app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        status = 0
        started = time.perf_counter()

        def taken() -> None:
            route = getattr(scope.get("route"), "path", None)
            self._times.observe(scope["method"], route, status, time.perf_counter() - started)

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                # Now, and not at the end: how long a stream or a large file lasts is its reader's business.
                taken()
            await send(message)

        with bound(request_id=request_id):
            self._times.in_flight += 1
            try:
                await self._app(scope, receive, tagged)
            finally:
                self._times.in_flight -= 1
                if not status:
                    taken()
                duration = round((time.perf_counter() - started) * 1000, 1)
                access.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    route=getattr(scope.get("route"), "path", None),
                    status=status or 499,
                    duration_ms=duration,
                )


class LastResort:
    """Answers what nobody caught in the words of its surface, and logs it with its traceback.

    Inside the middleware for other origins, so that a page elsewhere can read this reply like any other.
    """

    def __init__(self, app: ASGIApp, surfaces: Surfaces) -> None:
        self._app = app
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if scope["type"] != "http":
                raise
            log.exception("unexpected error", method=scope["method"], path=scope["path"])
            if begun:
                raise
            await self._surfaces.of(scope).render(Unexpected())(scope, receive, send)
