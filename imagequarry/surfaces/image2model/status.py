"""/api/v1/status: how far work is, asked for once or streamed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from imagequarry.domain.job import Job
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.image2model import links, progress, states
from imagequarry.surfaces.image2model.dialect import NAME, timestamp
from imagequarry.surfaces.image2model.progress import Progress
from imagequarry.surfaces.image2model.streaming import TaskStream, TaskStreams

router = APIRouter(prefix="/api/v1/status", tags=[NAME])


class TaskStatus(BaseModel):
    """How a task stands; ``result`` is what it returned, ``error`` why it failed."""

    task_id: str
    status: states.Word
    progress: int | float
    result: Any
    error: str | None
    timestamp: str


@router.get("/jobs/{job_id}/progress")
def job_progress(job_id: str, here: Here) -> Progress:
    """How far a job is, with each of its files."""
    return progress.of_job(here.board, here.board.get(job_id))


@router.get(
    "/tasks/{task_id}/stream",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}}, 204: {"description": "The last event was seen."}},
)
def task_stream(
    request: Request,
    task_id: str,
    timeout: Annotated[int, Query(ge=1, le=86_400)] = 3600,
    last_event_id: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    last_event_id_header: Annotated[int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63)] = None,
) -> Response:
    """What happens to a task, as server-sent events until it ends; ``timeout`` is in seconds."""
    # A browser that comes back says in the header how far it is, and in the address how far it was at first.
    since = last_event_id_header if last_event_id_header is not None else last_event_id
    return TaskStream(streams_of(request), task_id, since or 0, timeout)


@router.get("/tasks/{task_id}/status")
def task_status(task_id: str, here: Here, request: Request) -> TaskStatus:
    """How a task stands."""
    job = here.board.get(task_id)
    return TaskStatus(
        task_id=job.id,
        status=states.word(job),
        progress=states.percent(job.progress),
        result=_result(here, job, request),
        error=states.failure(job),
        timestamp=timestamp(),
    )


def streams_of(request: Request) -> TaskStreams:
    """The event streams of the application."""
    streams: TaskStreams = request.app.state.task_streams
    return streams


def _result(here: Runtime, job: Job, request: Request) -> Any:
    """What the job returned; a batch returns nothing, its files do."""
    if job.state != "completed" or job.is_batch:
        return None
    found = here.board.result(job.id)
    url = links.model_url(request, job)
    return found if url is None else {**found, "model_url": url}
