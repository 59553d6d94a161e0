"""/api/v1/download: the files that were made."""

from __future__ import annotations

from fastapi import APIRouter, Response

from imagequarry.jobs.model_files import ResultFile
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.image2model import files, links
from imagequarry.surfaces.image2model.dialect import NAME
from imagequarry.surfaces.image2model.schemas import JobFile, JobFiles

router = APIRouter(prefix="/api/v1/download", tags=[NAME])


@router.get("/{job_id}/all")
def list_files(job_id: str, here: Here) -> JobFiles:
    """The models that a job, or the jobs of an upload, made so far."""
    id = here.board.get(job_id).id
    found = here.model_files.models(id)
    return JobFiles(
        job_id=id,
        files=[_job_file(id, file) for file in found],
        download_urls=[links.file_path(id, file.name) for file in found],
        total_files=len(found),
    )


@router.head("/direct/{filename}", include_in_schema=False)
@router.get("/direct/{filename}", response_class=Response)
def direct(filename: str, here: Here) -> Response:
    """A file that lies in the folder of results itself."""
    return files.of(here.model_files.open_result(filename))


@router.head("/{job_id}/{filename}", include_in_schema=False)
@router.get("/{job_id}/{filename}", response_class=Response)
def one_file(job_id: str, filename: str, here: Here) -> Response:
    """A file that a job made, under its name in the list."""
    job = here.board.get(job_id)
    if not job.is_batch:
        files.require_completed(job)
    return files.of(here.model_files.one(job.id, filename))


def _job_file(id: str, file: ResultFile) -> JobFile:
    return JobFile(
        filename=file.name,
        size=file.size_bytes,
        mime_type=file.media_type,
        created_time=int(file.modified),
        rendered_image=links.file_path(id, file.preview) if file.preview else None,
    )
