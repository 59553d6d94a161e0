"""Addresses of files that jobs made."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request

from imagequarry.domain.job import Job
from imagequarry.jobs import modelling

DOWNLOADS = "/api/v1/download"


def file_path(job_id: str, name: str) -> str:
    """A file of a job, as /download/{job_id}/all writes it."""
    return f"{DOWNLOADS}/{job_id}/{quote(name, safe='')}"


def model_url(request: Request, job: Job) -> str | None:
    """The model of a job, or of an upload of one picture, to be fetched as it stands; None before it is there."""
    alone = job.kind == modelling.MODEL.name or (job.kind == modelling.MODELS.name and job.children == 1)
    if not alone or job.state != "completed":
        return None
    return str(request.base_url).rstrip("/") + file_path(job.id, "model.glb")
