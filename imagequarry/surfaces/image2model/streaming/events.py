"""What watchers are told of a job's events, in document E's words: JSON in plain ``data:`` lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from imagequarry.domain.job import JobEvent, WatchedEvent
from imagequarry.jobs import modelling
from imagequarry.surfaces.image2model import links, states
from imagequarry.surfaces.image2model.progress import Progress

_PROGRESS = "progress"
# The number of what is told without an event.
NO_NUMBER: Final = 0


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is sent; ``replaces`` is the key under which a newer one takes its place."""

    seq: int
    text: str
    replaces: str | None = None
    is_last: bool = False
    model_path: str | None = None

    def text_for(self, base: str) -> str:
        """The text for a client that reaches the server at ``base``, so that a model's address can be fetched."""
        if self.model_path is None:
            return self.text
        return self.text.replace(json.dumps(self.model_path), json.dumps(base + self.model_path))


def told(task_id: str, watched: WatchedEvent, files: Progress | None = None) -> Told:
    """The event as watchers of that task see it, which may be the batch of the event's job; ``files`` are a batch's."""
    event = watched.event
    match event.type:
        case "log":
            return _told(watched, "log", task_id, message=event.data.get("message", ""), **_file(task_id, event))
        case "completed":
            path = _model_path(watched)
            more = _batch(event, files) | ({} if path is None else {"model_url": path})
            end = _told(watched, "completed", task_id, result="success", progress=100, status="completed", **more)
            return replace(end, model_path=path)
        case "failed" | "cancelled":
            error = {"error": event.data.get("message", ""), "code": event.data.get("code", "")}
            return _told(watched, "error", task_id, **error, status="failed", **_batch(event, files))
    status = "pending" if event.type == "queued" else "processing"
    progress = states.percent(float(event.data.get("progress", 0.0)))
    if files is not None:
        progress = files.overall_progress
    more = _batch(event, files) | ({"message": said} if (said := event.data.get("message")) else {})
    return _told(watched, _PROGRESS, task_id, progress=progress, status=status, **more)


def deleted(task_id: str) -> Told:
    """The last event of a job that is not there any more; it has no number, since nothing can follow it."""
    error = {"error": "The job was deleted.", "code": "NOT_FOUND", "status": "failed"}
    return Told(NO_NUMBER, f"data: {_json('error', task_id, error)}\n\n", is_last=True)


def topics_of(watched: WatchedEvent) -> list[str]:
    """The jobs whose watchers hear of it: its own, and of what a batch's child says the batch."""
    parent_id = watched.parent_id if watched.event.type == "log" else None
    return [watched.event.job_id] if parent_id is None else [watched.event.job_id, parent_id]


def ends(task_id: str, watched: WatchedEvent) -> bool:
    """Whether that job ended with it."""
    return watched.event.is_last and watched.event.job_id == task_id


def since_restart(found: Sequence[WatchedEvent], task_id: str) -> Sequence[WatchedEvent]:
    """The events without those up to an end that was not the end, because the job was started again."""
    past_ends = [place for place, watched in enumerate(found[:-1]) if ends(task_id, watched)]
    return found[past_ends[-1] + 1 :] if past_ends else found


def _batch(event: JobEvent, files: Progress | None) -> dict[str, Any]:
    if files is not None:
        return files.model_dump(include={"total_files", "completed_files", "failed_files", "files"})
    names = {"total": "total_files", "completed": "completed_files", "failed": "failed_files"}
    return {name: event.data[word] for word, name in names.items() if word in event.data}


def _model_path(watched: WatchedEvent) -> str | None:
    """Where the one model is that was made; a batch of one hands its model out too."""
    alone = watched.kind == modelling.MODEL.name
    if not alone and not (watched.kind == modelling.MODELS.name and watched.event.data.get("total") == 1):
        return None
    return links.file_path(watched.event.job_id, "model.glb")


def _file(task_id: str, event: JobEvent) -> dict[str, str]:
    return {} if event.job_id == task_id else {"file_id": event.job_id}


def _told(watched: WatchedEvent, type: str, task_id: str, **fields: Any) -> Told:
    text = f"id: {watched.event.seq}\ndata: {_json(type, task_id, fields)}\n\n"
    return Told(watched.event.seq, text, type if type == _PROGRESS else None, ends(task_id, watched))


def _json(type: str, task_id: str, fields: Mapping[str, Any]) -> str:
    # JSON escapes line breaks, so it is one line however the message is written.
    return json.dumps({"type": type, "task_id": task_id, **fields}, ensure_ascii=False, allow_nan=False)
