"""The reply to one who watches a job."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from imagequarry.surfaces.image2model.streaming.events import Told
from imagequarry.surfaces.image2model.streaming.service import TaskStreams
from imagequarry.surfaces.watching.event_stream import EventStream


class TaskStream(Response):
    """Server-sent events of the job after the one of number ``since``, for so many seconds at most.

    204 where none can follow: it tells a browser to come back no more. What can be refused is refused before the first
    byte, as any other reply.
    """

    def __init__(self, streams: TaskStreams, task_id: str, since: int, seconds: float) -> None:
        super().__init__(status_code=204)
        self._streams = streams
        self._task_id = task_id
        self._since = since
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = EventStream(self._seconds, self._streams.limits)

        base = str(Request(scope).base_url).rstrip("/")

        def deliver(told: Told) -> None:
            stream.put(told.text_for(base), told.replaces)
            if told.is_last:
                stream.finish()

        with self._streams.place(stream.close):
            async with self._streams.followed(self._task_id, self._since, deliver) as more_to_come:
                if more_to_come:
                    await stream.run(receive, send)
                else:
                    await super().__call__(scope, receive, send)
