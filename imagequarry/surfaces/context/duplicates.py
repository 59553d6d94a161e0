"""/api/v1/duplicates: pictures that are alike, and being rid of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from imagequarry.capabilities.duplicates import Groups
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.context import replies
from imagequarry.surfaces.context.dialect import NAME
from imagequarry.surfaces.context.schemas import (
    CompareRequest,
    DuplicatesFound,
    DuplicatesRemoved,
    DuplicatesRequest,
    PathText,
    Threshold,
)
from imagequarry.surfaces.here import Here

router = APIRouter(prefix="/api/v1/duplicates", tags=[NAME])

Similarity = Annotated[Threshold, Query(description="Least similarity of duplicates.")]


@router.post("/check")
def check(here: Here, body: DuplicatesRequest) -> DuplicatesFound:
    """Look for duplicates of a picture, in a folder, or among all that is known."""
    threshold, image, folder = body.similarity_threshold, body.image_path, body.directory_path
    if image is not None:
        return _timed(here, lambda: here.deduplication.of_file(image, threshold, folder))
    if folder is not None:
        return _timed(here, lambda: here.deduplication.in_folder(folder, threshold, recursive=False))
    return _timed(here, lambda: here.deduplication.everywhere(threshold))


@router.get("/check-image")
def check_image(
    here: Here,
    image_path: Annotated[PathText, Query(description="Picture on the server.")],
    similarity_threshold: Similarity = 0.95,
) -> DuplicatesFound:
    """Whether a picture has duplicates among all that is known."""
    return _timed(here, lambda: here.deduplication.of_file(image_path, similarity_threshold))


@router.get("/check-directory")
def check_directory(
    here: Here,
    directory_path: Annotated[PathText, Query(description="Folder on the server.")],
    similarity_threshold: Similarity = 0.95,
    recursive: Annotated[bool, Query(description="Look into its folders too.")] = False,
) -> DuplicatesFound:
    """Duplicates among the pictures of a folder."""
    return _timed(here, lambda: here.deduplication.in_folder(directory_path, similarity_threshold, recursive=recursive))


@router.post("/compare")
def compare(here: Here, body: CompareRequest) -> dict[str, Any]:
    """How alike two pictures are, and by what measure."""
    started = time.perf_counter()
    compared = here.deduplication.compare(body.image1_path, body.image2_path, body.similarity_threshold)
    found, (first, second) = compared.pictures, compared.files
    return {
        "success": True,
        "image1_path": body.image1_path,
        "image2_path": body.image2_path,
        "similarity_score": round(found.similarity, 4),
        "is_duplicate": found.verdict != "different",
        "metrics": {
            **found.metrics(),
            "format1": first.format,
            "format2": second.format,
            "file_size1": first.size_bytes,
            "file_size2": second.size_bytes,
        },
        "comparison_time": round(time.perf_counter() - started, 3),
        "message": f"The images are {found.verdict}",
    }


@router.delete("/remove-duplicates")
def remove_duplicates(
    here: Here,
    similarity_threshold: Similarity = 0.98,
    dry_run: Annotated[bool, Query(description="Only tell what would go.")] = True,
    keep_first: Annotated[bool, Query(description="Keep the one most are like, else the largest.")] = True,
    delete_files: Annotated[bool, Query(description="Delete the files from the disk too.")] = False,
) -> DuplicatesRemoved:
    """Forget all but one picture of each group, and delete their files if asked to."""
    done = here.deduplication.remove(
        similarity_threshold, dry_run=dry_run, keep_first=keep_first, delete_files=delete_files
    )
    verb = "Would remove" if dry_run else "Removed"
    return DuplicatesRemoved(
        success=True,
        dry_run=dry_run,
        similarity_threshold=similarity_threshold,
        total_groups=done.groups,
        total_removed=len(done.removed),
        removed_ids=list(done.removed),
        kept_ids=list(done.kept),
        deleted_files=list(done.deleted_files),
        failed_files=list(done.failed_files),
        message=f"{verb} {len(done.removed)} duplicate images from {done.groups} groups",
    )


def _timed(here: Runtime, look: Callable[[], Groups]) -> DuplicatesFound:
    started = time.perf_counter()
    found = look()
    return replies.duplicates(here, found, time.perf_counter() - started)
