"""/api/v1/upload: pictures in, to be made models of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from imagequarry.errors import ImageNotFound, InvalidInput, InvalidPicture, JobNotFound
from imagequarry.jobs.model_orders import Upload
from imagequarry.surfaces.here import Here, runtime_of
from imagequarry.surfaces.image2model import states
from imagequarry.surfaces.image2model.dialect import NAME
from imagequarry.surfaces.image2model.incoming import FILES, IncomingForm
from imagequarry.surfaces.image2model.schemas import BatchStatus, FileStatus, ModelFields, Uploaded, UploadedFile
from imagequarry.surfaces.image2model.wishes import fields_of, wish_of
from imagequarry.surfaces.surface import BadRequest

router = APIRouter(prefix="/api/v1/upload", tags=[NAME])

ALLOWED_FORMATS = ("jpg", "jpeg", "png")

# For the documentation: FastAPI cannot see what a request is read by hand for.
_FORM: dict[str, Any] = {
    "type": "object",
    "required": [FILES],
    "properties": {
        FILES: {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "JPEG or PNG."},
        **ModelFields.model_json_schema()["properties"],
    },
}
_BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}}


async def incoming(request: Request) -> AsyncIterator[IncomingForm]:
    """The form of the request, read to its end; its files go with the request."""
    here = runtime_of(request)
    content_type = request.headers.get("content-type", "")
    form = IncomingForm(content_type, here.data / "incoming", here.model_orders.most_files, here.model_orders.limits)
    try:
        async for chunk in request.stream():
            await run_in_threadpool(form.write, chunk)
        form.finish()
        yield form
    except ClientDisconnect as error:
        raise BadRequest("The upload was broken off.") from error
    finally:
        form.close()


@router.post("/", openapi_extra=_BODY)
def upload(here: Here, form: Annotated[IncomingForm, Depends(incoming)]) -> Uploaded:
    """Take pictures in and make a model of each in the background; one that is none fails alone."""
    wish = wish_of(here, fields_of(form.texts))
    if not form.files:
        raise InvalidInput(f"{FILES}: Send at least one picture.", allowed_formats=list(ALLOWED_FORMATS))
    try:
        taken = here.model_orders.upload([(file.name, file.bytes) for file in form.files], wish)
    except InvalidPicture as error:
        file = error.details.get("file")
        raise InvalidPicture(error.message, file=file, allowed_formats=list(ALLOWED_FORMATS)) from error
    return _uploaded(taken, wish.options.face_limit)


@router.get("/status/{file_id}")
def file_status(file_id: str, here: Here) -> FileStatus:
    """How far the work on a file is; a picture that nothing is made of has been uploaded, by whatever surface."""
    try:
        job = here.board.get(file_id)
    except JobNotFound:
        try:
            image = here.archive.image(file_id)
        except ImageNotFound:
            raise ImageNotFound("There is no file with that id.") from None
        return FileStatus(
            file_id=image.id,
            status="uploaded",
            processing_status="pending",
            progress=0,
            filename=image.filename,
            error=None,
        )
    word = states.word(job)
    return FileStatus(
        file_id=job.id,
        status="uploaded" if word == "pending" else word,
        processing_status=word,
        progress=states.percent(job.progress),
        filename=states.filename(job),
        error=states.failure(job),
    )


@router.get("/batch/{batch_id}/status")
def batch_status(batch_id: str, here: Here) -> BatchStatus:
    """How far an upload, or any other job, is."""
    job = here.board.get(batch_id)
    return BatchStatus(
        batch_id=job.id,
        status=states.word(job),
        total_files=max(1, job.children),
        completed_files=job.children_completed if job.is_batch else int(job.state == "completed"),
        failed_files=job.children_failed if job.is_batch else int(states.word(job) == "failed"),
        progress=states.percent(job.progress),
    )


def _uploaded(upload: Upload, face_limit: int | None) -> Uploaded:
    files = [
        UploadedFile(
            file_id=file.id,
            filename=file.filename,
            file_size=file.size_bytes,
            content_type=file.media_type,
            status="failed" if file.fault else "uploaded",
            error=file.fault or None,
        )
        for file in upload.files
    ]
    return Uploaded(
        batch_id=upload.job.id,
        job_id=upload.job.id,
        task_id=upload.job.id,
        uploaded_files=files,
        face_limit=face_limit,
        total_files=len(files),
        status="uploaded",
        message=_message(upload),
    )


def _message(upload: Upload) -> str:
    failed = [file.filename for file in upload.files if file.fault]
    if not failed:
        return "Files uploaded successfully, processing started"
    good = len(upload.files) - len(failed)
    return f"{good} of {len(upload.files)} files uploaded successfully, processing started"
