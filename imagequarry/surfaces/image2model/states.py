"""Surface E's words for how a job stands, whichever surface handed it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from imagequarry.domain.job import Job, JobState

Word = Literal["pending", "processing", "completed", "failed"]

# Document E knows no cancelled jobs: they failed.
WORDS: Mapping[JobState, Word] = {
    "queued": "pending",
    "running": "processing",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
}


def word(job: Job) -> Word:
    """How the job stands; a file that was found broken when it came in has failed before its turn."""
    return "failed" if broken(job) else WORDS[job.state]


def percent(fraction: float) -> int | float:
    """A share of 0..1 as 0..100 with two places at most, as in 33.33 and 100."""
    shown = round(fraction * 100, 2)
    return int(shown) if shown == int(shown) else shown


def failure(job: Job) -> str | None:
    """Why the job failed, in a sentence; None while there is hope."""
    if job.state == "cancelled":
        return "The job was cancelled."
    if job.error is not None:
        return job.error.message
    return broken(job) or None


def filename(job: Job) -> str:
    """The name of the file that the job is about; empty where it is about none."""
    return str(job.params.get("filename", ""))


def broken(job: Job) -> str:
    """Why the file of the job was of no use when it came in; empty where it was."""
    return str(job.params.get("fault", ""))
