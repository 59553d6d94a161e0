"""What surface B says of pictures, tasks and groups of duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from imagequarry.capabilities.directories import FailedFile
from imagequarry.capabilities.duplicates import Group, Groups
from imagequarry.capabilities.gallery import path_of
from imagequarry.capabilities.search import Found
from imagequarry.domain.described import DescribedImage, ImageFile
from imagequarry.domain.job import Job, JobState
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.context.dialect import timestamp
from imagequarry.surfaces.context.schemas import (
    DuplicateGroup,
    DuplicatesFound,
    FoundImage,
    ImageDetail,
    ImageInfo,
    Scanned,
    ScannedFile,
    TaskState,
    TaskStatus,
)

# What one reply lists of a folder's files; the totals count all.
_LONGEST_LIST = 10_000

STATE: dict[JobState, TaskState] = {
    "queued": "queued",
    "running": "processing",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
}


def image_info(known: DescribedImage) -> ImageInfo:
    """A picture as lists show it."""
    return ImageInfo(**_fields(known))


def found_image(found: Found) -> FoundImage:
    """The same with its score; score and distance add up to 1 as they are written."""
    score = round(found.score, 4)
    return FoundImage(**_fields(found.image), score=score, distance=round(1 - score, 4))


def image_detail(known: DescribedImage) -> ImageDetail:
    """All that is known of a picture."""
    description = known.description
    return ImageDetail(
        **_fields(known),
        processed=description is not None,
        object_scores={tag.name: round(tag.score, 4) for tag in description.objects} if description else {},
        captioned_by=description.captioned_by if description else None,
        tagged_by=description.tagged_by if description else None,
        digest=known.image.digest,
        created_at=timestamp(known.image.created_at),
        processed_at=timestamp(description.described_at) if description else None,
    )


def scanned(folder: str, recursive: bool, files: Iterable[ImageFile | FailedFile]) -> Scanned:
    """What a folder holds."""
    listed: list[ScannedFile] = []
    failed: list[str] = []
    total, size = 0, 0
    for file in files:
        if isinstance(file, FailedFile):
            failed.append(file.path)
            continue
        total, size = total + 1, size + file.size_bytes
        if len(listed) < _LONGEST_LIST:
            name = file.path.rpartition("/")[2]
            listed.append(ScannedFile(path=file.path, filename=name, file_size=file.size_bytes))
    return Scanned(
        success=True,
        directory_path=folder,
        recursive=recursive,
        total_files=total,
        total_size=size,
        files=listed,
        failed_files=failed[:_LONGEST_LIST],
        truncated=total > len(listed),
    )


def duplicates(here: Runtime, found: Groups, seconds: float) -> DuplicatesFound:
    """Groups with the paths of their pictures."""
    ids = [id for group in found.groups for id in (group.representative, *(match.image_id for match in group.members))]
    paths = here.gallery.paths(ids)
    return DuplicatesFound(
        success=True,
        total_images=found.total_images,
        duplicate_groups=[_group(group, paths) for group in found.groups],
        total_duplicates=found.duplicates,
        check_time=round(seconds, 3),
        message=f"Found {len(found.groups)} duplicate groups with {found.duplicates} duplicate images",
    )


def task_status(here: Runtime, job: Job, *, with_result: bool = True) -> TaskStatus:
    """How far a job of any surface is, with its result when it has one; lists go without."""
    whole = with_result and job.state == "completed" and not job.is_batch
    result = here.board.result(job.id) if whole else None
    return TaskStatus(
        task_id=job.id,
        status=STATE[job.state],
        progress=round(job.progress * 100, 1),
        message=job.message,
        result=result,
        error=_error(job),
        created_at=timestamp(job.created),
        updated_at=timestamp(job.finished or job.started or job.created),
    )


def attachment(filename: str) -> str:
    """The header that names a downloaded file, whatever letters its name has (RFC 6266)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def live_search(
    here: Runtime, *, query: str, limit: int, objects: Any, min_score: float | None
) -> list[dict[str, Any]]:
    """What a search while typing shows: the same as the list route."""
    found = here.search.by_words(query, objects=list(objects), limit=limit, min_score=min_score)
    return [found_image(one).model_dump(mode="json") for one in found]


def _fields(known: DescribedImage) -> dict[str, Any]:
    image, description = known.image, known.description
    return {
        "id": image.id,
        "path": path_of(known),
        "filename": image.filename,
        "size": (image.width, image.height),
        "file_size": image.size_bytes,
        "format": image.format,
        "caption": description.caption if description else "",
        "objects": [tag.name for tag in description.objects] if description else [],
    }


def _group(group: Group, paths: Mapping[str, str]) -> DuplicateGroup:
    members = [match.image_id for match in group.members]
    return DuplicateGroup(
        representative_id=group.representative,
        duplicate_ids=members,
        similarity_scores=[round(match.score, 4) for match in group.members],
        kinds=[match.tier for match in group.members],
        paths=[paths.get(id, "") for id in (group.representative, *members)],
    )


def _error(job: Job) -> str | None:
    if job.state == "cancelled":
        return "The task was cancelled."
    return job.error.message if job.error else None
