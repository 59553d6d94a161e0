"""``create_app``: settings in, the whole server out, in reading order."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial

from anyio import to_thread
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

import imagequarry
from imagequarry.ops import logs
from imagequarry.ops.metrics import RequestTimes, listening
from imagequarry.runtime import assembling
from imagequarry.runtime.parts import Runtime
from imagequarry.settings import Settings, read_settings
from imagequarry.studio import documentation, pages
from imagequarry.surfaces import faults
from imagequarry.surfaces.body_limit import BodyLimit, form_room, json_room
from imagequarry.surfaces.context import PROCESSING_KINDS, live_search
from imagequarry.surfaces.context import SURFACE as CONTEXT
from imagequarry.surfaces.context.sockets import SocketLimits, Sockets
from imagequarry.surfaces.figures import figures
from imagequarry.surfaces.image2model import SURFACE as IMAGE2MODEL
from imagequarry.surfaces.image2model.streaming import TaskStreams
from imagequarry.surfaces.imgr import SURFACE as IMGR
from imagequarry.surfaces.keys import KeyGuard, Keys
from imagequarry.surfaces.quarry import SURFACE as QUARRY
from imagequarry.surfaces.rate_limits import Limiter, RateLimit, SharedCounts, Window
from imagequarry.surfaces.requests import LastResort, RequestContext
from imagequarry.surfaces.sam2 import SURFACE as SAM2
from imagequarry.surfaces.strangers import StrangerGuard
from imagequarry.surfaces.streams import Streams
from imagequarry.surfaces.surface import Surfaces
from imagequarry.surfaces.watching.event_stream import StreamLimits
from imagequarry.surfaces.watching.feed import Feed

# The first one answers where nothing tells which surface was meant.
SURFACES = (QUARRY, SAM2, IMGR, CONTEXT, IMAGE2MODEL)

# A search that waits for its turn keeps its thread, and a list or a click must not wait for one of those.
_THREADS = 200

# What pages of other origins may read of a reply's head.
_EXPOSED = (
    *("X-Request-ID", "X-Model", "X-Total-Count", "Content-Disposition", "Retry-After"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
)


def create_app(settings: Settings | None = None, *, parts: Runtime | None = None, dev: bool = False) -> FastAPI:
    """The application. Without ``settings`` those of the environment hold; ``dev`` lets pages of all origins call.

    ``parts`` is the runtime where it was assembled before; else it is assembled when the application starts.
    """
    settings = settings or read_settings()
    logs.configure(settings.log_level, settings.logs, sys.stderr.isatty(), settings.log_file)
    surfaces = Surfaces(SURFACES)
    keys = Keys(
        [key.get_secret_value() for key in settings.api_keys],
        [key.get_secret_value() for key in settings.admin_api_keys],
    )
    limiter = _limiter(settings)
    origins = ["*"] if dev else settings.cors_origins
    streams = Streams()
    times = RequestTimes()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = _THREADS
        here = parts if parts is not None else await run_in_threadpool(assembling.assemble, settings)
        app.state.runtime = here
        feed = Feed(here.watching)
        app.state.sockets = Sockets(
            feed,
            keys,
            streams,
            origins=origins,
            processing=PROCESSING_KINDS,
            search=partial(live_search, here),
            limits=SocketLimits(places=settings.max_sockets),
        )
        app.state.task_streams = TaskStreams(feed, here.board, streams, StreamLimits(places=settings.max_streams))
        here.metrics.add_recorded(times.histogram)
        here.metrics.add(
            *figures(times, limiter, lambda: app.state.sockets.active, lambda: app.state.task_streams.open)
        )
        await run_in_threadpool(here.start)
        with _listening(settings, here):
            yield
        await run_in_threadpool(feed.close)
        if limiter:
            await limiter.close()
        await run_in_threadpool(here.close)

    app = FastAPI(
        title=settings.app_title,
        description=settings.app_description,
        version=settings.app_version or imagequarry.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Pictures are files or JSON; a text field is never longer than a prompt.
        form_limits={"max_part_size": 2**20, "max_fields": 100, "max_files": 30},
    )
    app.state.streams = streams
    for surface in surfaces.all:
        for router in surface.routers:
            app.include_router(router)
    app.include_router(pages.router)
    app.include_router(documentation.router)
    app.mount(documentation.ASSETS, documentation.assets)
    faults.install(app, surfaces)

    # The last one added is the outermost: a request meets them from the bottom up.
    app.add_middleware(BodyLimit, limit_for=_body_limit(settings))
    app.add_middleware(KeyGuard, keys=keys, surfaces=surfaces)
    if not keys.wanted:
        app.add_middleware(StrangerGuard, surfaces=surfaces, hosts=_own_names(settings), origins=origins)
    app.add_middleware(LastResort, surfaces=surfaces)
    if limiter:
        app.add_middleware(RateLimit, limiter=limiter, keys=keys, surfaces=surfaces)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
    )
    app.add_middleware(RequestContext, times=times)
    return app


def _own_names(settings: Settings) -> set[str]:
    """What this server is called, here, among the machines of its network, and by who set it up."""
    machine = socket.gethostname()
    return {settings.host, machine, f"{machine.partition('.')[0]}.local", *settings.allowed_hosts}


def _limiter(settings: Settings) -> Limiter | None:
    """What counts requests, where there is a limit to them."""
    windows = [Window(settings.rate_limit_per_minute, 60), Window(settings.rate_limit_per_hour, 3600)]
    limited = [window for window in windows if window.requests]
    if not limited:
        return None
    return Limiter(
        limited, SharedCounts(settings.redis_url.get_secret_value(), limited) if settings.redis_url else None
    )


def _listening(settings: Settings, here: Runtime) -> AbstractContextManager[None]:
    """The port for Prometheus, where one is wanted."""
    if not settings.metrics_enabled:
        return nullcontext()
    return listening(settings.metrics_host, settings.metrics_port, here.metrics.text)


def _body_limit(settings: Settings) -> Callable[[Scope], int]:
    """One picture of the largest size, in a form or as base64 in JSON; batches and uploads have limits of their own."""
    largest = settings.max_image_mb * 2**20
    form, json = form_room(largest), json_room(largest)
    upload = form_room(settings.max_upload_mb * 2**20, settings.max_upload_files)
    batch = max(json, settings.max_batch_mb * 2**20)

    def limit(scope: Scope) -> int:
        if Headers(scope=scope).get("content-type", "").startswith("multipart/"):
            return upload if scope["path"] == "/api/v1/upload/" else form
        return batch if scope["path"] == "/segment/batch" else json

    return limit


def create_dev_app() -> FastAPI:
    """The application for ``serve --dev``: pages of all origins may call it."""
    return create_app(dev=True)
