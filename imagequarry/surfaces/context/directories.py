"""/api/v1/directories: whole folders of the server, now or in the background."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from imagequarry.jobs import indexing
from imagequarry.jobs.indexing import DirectoryOrder
from imagequarry.surfaces.context import replies
from imagequarry.surfaces.context.dialect import NAME
from imagequarry.surfaces.context.schemas import (
    DirectoryProcessed,
    DirectoryRequest,
    PathText,
    Scanned,
    TaskStatus,
    TaskTaken,
)
from imagequarry.surfaces.here import Here

router = APIRouter(prefix="/api/v1/directories", tags=[NAME])


@router.post("/process")
def process(here: Here, body: DirectoryRequest) -> DirectoryProcessed:
    """Describe all pictures of a folder; the reply comes when all are done."""
    outcome = here.directories.process(body.directory_path, body.recursive, body.force_reprocess)
    return DirectoryProcessed(
        success=True,
        message=f"Directory processed: {outcome.processed} images processed",
        **outcome.reply(),
    )


@router.post("/process-async")
def process_async(here: Here, body: DirectoryRequest) -> TaskTaken:
    """Describe all pictures of a folder in the background."""
    order = DirectoryOrder(here.roots.folder(body.directory_path), body.recursive, body.force_reprocess)
    job = here.board.submit(indexing.INDEX.name, order)
    return TaskTaken(task_id=job.id, status="queued", message="Directory processing started in background")


@router.get("/scan")
def scan(
    here: Here,
    directory_path: Annotated[PathText, Query(description="Folder on the server.")],
    recursive: Annotated[bool, Query(description="Look into its folders too.")] = False,
) -> Scanned:
    """What pictures a folder holds; nothing is opened."""
    return replies.scanned(directory_path, recursive, here.directories.scan(directory_path, recursive))


@router.get("/task/{task_id}")
def task(task_id: str, here: Here) -> TaskStatus:
    """How far work in the background is, whichever surface handed it in."""
    return replies.task_status(here, here.board.get(task_id))


@router.get("/tasks")
def tasks(
    here: Here,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[TaskStatus]:
    """Folders that were or are being processed, the newest first."""
    found = here.board.page(limit, offset, kinds=(indexing.INDEX.name, indexing.AGAIN.name))
    return [replies.task_status(here, job, with_result=False) for job in found.jobs]
