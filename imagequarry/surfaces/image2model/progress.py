"""How far a job's files are: those of a batch, or the one that a job by itself is about."""

from __future__ import annotations

from pydantic import BaseModel

from imagequarry.domain.job import Job
from imagequarry.errors import JobNotFound
from imagequarry.jobs.board import Board
from imagequarry.surfaces.image2model import states

_MOST_FILES = 10_000


class FileProgress(BaseModel):
    """One file."""

    status: states.Word
    progress: int | float
    filename: str


class Progress(BaseModel):
    """All files of a job by their ids, and how far they are together; a file that failed needs no more work."""

    job_id: str
    overall_progress: int | float
    total_files: int
    completed_files: int
    failed_files: int
    files: dict[str, FileProgress]


def of_job(board: Board, job: Job) -> Progress:
    """The files as they stand now. Raises JobNotFound when the batch was deleted."""
    jobs = board.children(job.id, _MOST_FILES).jobs if job.is_batch else (job,)
    if not jobs:
        raise JobNotFound
    files = {
        one.id: FileProgress(
            status=states.word(one), progress=states.percent(one.progress), filename=states.filename(one)
        )
        for one in jobs
    }
    words = [file.status for file in files.values()]
    return Progress(
        job_id=job.id,
        overall_progress=states.percent(sum(1.0 if one.ended else one.progress for one in jobs) / len(jobs)),
        total_files=len(jobs),
        completed_files=words.count("completed"),
        failed_files=words.count("failed"),
        files=files,
    )
