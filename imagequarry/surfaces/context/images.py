"""/api/v1/images: describing pictures, taking them in, finding them again, and being rid of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from imagequarry.capabilities.intake.opening import MEDIA_TYPES
from imagequarry.capabilities.thumbnails import LARGEST, SMALLEST
from imagequarry.errors import InvalidInput
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.context import replies
from imagequarry.surfaces.context.dialect import NAME
from imagequarry.surfaces.context.schemas import (
    Deleted,
    FoundImage,
    ImageDetail,
    ImageInfo,
    Processed,
    ProcessRequest,
    Threshold,
    Uploaded,
)
from imagequarry.surfaces.here import Here

router = APIRouter(prefix="/api/v1/images", tags=[NAME])


@router.post("/process")
def process(here: Here, body: ProcessRequest) -> Processed:
    """Caption a picture on the server, name its objects and make it searchable."""
    if (body.image_path is None) == (body.image_id is None):
        raise InvalidInput("Send image_path, or image_id for a picture that is kept here already.")
    if body.image_path is not None:
        done = here.describer.file(body.image_path, body.force_reprocess)
    else:
        done = here.describer.kept(body.image_id or "", body.force_reprocess)
    was_known = done.was_duplicate and not body.force_reprocess
    return Processed(
        success=True,
        image_id=done.image.image.id,
        message="Image was processed before" if was_known else "Image processed successfully",
        image_info=replies.image_info(done.image),
        processing_time=round(done.seconds, 3),
        was_duplicate=was_known,
    )


@router.post("/upload")
def upload(
    here: Here,
    file: Annotated[UploadFile, File(description="JPEG, PNG, WebP, BMP or TIFF.")],
    process_immediately: Annotated[bool, Form(description="Describe it before the reply.")] = True,
    overwrite: Annotated[bool, Form(description="Put it in the place of a file of that name.")] = False,
    upload_dir: Annotated[str, Form(description="Folder below UPLOAD_DIR.")] = "uploads",
) -> Uploaded:
    """Take a file in under its own name, and describe it."""
    taken = here.gallery.upload(file.filename or "", file.file, upload_dir, overwrite=overwrite)
    if process_immediately:
        image = here.describer.uploaded(taken.opened, str(taken.path)).image.image
    else:
        image = here.describer.registered(taken.opened, str(taken.path)).image
    return Uploaded(
        success=True,
        filename=taken.path.name,
        file_path=taken.shown,
        file_size=taken.opened.size_bytes,
        image_id=image.id,
        message=f"Image uploaded{' and processed' if process_immediately else ''} successfully",
    )


@router.get("/info/{image_id}")
def info(image_id: str, here: Here) -> ImageDetail:
    """All that is known of a picture."""
    return replies.image_detail(here.gallery.get(image_id))


@router.get("/download/{image_id}", response_class=Response)
def download(
    request: Request,
    image_id: str,
    here: Here,
    size: Annotated[
        int | None, Query(ge=SMALLEST, le=LARGEST, description="Longer side of a small JPEG, instead of the file.")
    ] = None,
) -> Response:
    """A picture's file as it is, or a small picture of it that browsers may keep."""
    if size is not None:
        return _thumbnail(request, here, image_id, size)
    image, data = here.gallery.file(image_id)
    name = image.filename or f"{image.id}.{image.format.lower()}"
    return Response(
        data, media_type=MEDIA_TYPES[image.format], headers={"Content-Disposition": replies.attachment(name)}
    )


@router.get("/")
def list_or_search(
    here: Here,
    response: Response,
    query: Annotated[str | None, Query(max_length=2000, description="Words to search for.")] = None,
    similar_to: Annotated[
        str | None, Query(max_length=128, description="Id of a picture to find the likes of.")
    ] = None,
    objects: Annotated[str | None, Query(max_length=2000, description="Comma-separated; any of them.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    min_score: Annotated[Threshold | None, Query(description="Least score of what a search finds.")] = None,
    include_metadata: Annotated[bool, Query(description="Tell score and distance of what a search finds.")] = True,
) -> list[FoundImage | ImageInfo]:
    """Described pictures, the newest first; with ``query`` or ``similar_to`` the best match first.

    A list says how many there are in all, as the header X-Total-Count; a search ends with a page that is not full.
    """
    named = [name.strip().lower() for name in (objects or "").split(",") if name.strip()]
    if query and similar_to:
        raise InvalidInput("Search by query or by similar_to, not by both.")
    if similar_to:
        found = here.search.like(similar_to, objects=named, limit=limit, offset=offset, min_score=min_score)
    elif query and query.strip():
        found = here.search.by_words(query, objects=named, limit=limit, offset=offset, min_score=min_score)
    else:
        response.headers["X-Total-Count"] = str(here.gallery.count(named))
        return [replies.image_info(known) for known in here.gallery.page(limit, offset, named)]
    return [replies.found_image(one) if include_metadata else replies.image_info(one.image) for one in found]


@router.delete("/{image_id}")
def delete(
    image_id: str,
    here: Here,
    delete_file: Annotated[bool, Query(description="Delete the file from the disk too.")] = False,
) -> Deleted:
    """Forget a picture, and delete its file if asked to."""
    file_deleted = here.gallery.delete(image_id, delete_file=delete_file)
    return Deleted(
        success=True,
        image_id=image_id,
        file_deleted=file_deleted,
        message="Image and its file deleted successfully" if file_deleted else "Image deleted successfully",
    )


def _thumbnail(request: Request, here: Runtime, image_id: str, size: int) -> Response:
    image = here.gallery.image(image_id)
    # The id of a picture stays when its file changes, so a browser asks again after a while, which costs no decoding.
    tag = f'"{image.digest}-{size}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    asked = request.headers.get("if-none-match", "")
    if tag in (one.strip().removeprefix("W/") for one in asked.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(here.thumbnails.make(image, size).jpeg, media_type="image/jpeg", headers=headers)
