"""What a socket can follow: the processing of pictures, all jobs, or one job."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from imagequarry.domain.job import WatchedEvent, plain_id
from imagequarry.domain.records import is_id
from imagequarry.errors import InvalidInput

PROCESSING: Final = "processing"
JOBS: Final = "jobs"
_TASK: Final = "task:"


def channel_of(name: str, task_id: str | None = None) -> str:
    """The channel that is meant; with a task's id it is that task's. Raises InvalidInput when there is none."""
    if name.startswith(_TASK):
        task_id = name.removeprefix(_TASK)
        name = JOBS
    if name not in (PROCESSING, JOBS):
        raise InvalidInput("There is no channel of that name; there are processing, jobs and task:<id>.")
    if task_id is None:
        return name
    task_id = plain_id(task_id)
    if not is_id(task_id):
        raise InvalidInput("That is no task_id.")
    return _TASK + task_id


def task_of(channel: str) -> str | None:
    """The task whose channel it is, or None for one of many tasks."""
    return channel.removeprefix(_TASK) if channel.startswith(_TASK) else None


def channels_of(watched: WatchedEvent, processing: Collection[str]) -> list[str]:
    """The channels an event belongs to. The jobs of a batch are left to their own channels: the batch tells of them."""
    channels = [_TASK + watched.event.job_id]
    if watched.parent_id is None:
        channels.append(JOBS)
        if watched.kind in processing:
            channels.append(PROCESSING)
    return channels


def family_of(channel: str) -> str:
    """What statistics count it as: nobody should learn the id of a task from them."""
    return "task" if channel.startswith(_TASK) else channel
