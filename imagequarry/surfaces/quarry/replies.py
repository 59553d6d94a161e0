"""Surface A's replies, made from what the capabilities found."""

from __future__ import annotations

from fastapi import Response

from imagequarry.capabilities import cutouts, mask_formats
from imagequarry.capabilities.cutouts import Extraction
from imagequarry.capabilities.drive import Sent
from imagequarry.capabilities.mask_formats import EncodedMask, MaskFormat
from imagequarry.capabilities.segmentation import Answer
from imagequarry.capabilities.visualization import Region, drawn_over
from imagequarry.domain import drive
from imagequarry.domain.geometry import Box
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import Segmentation
from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import InvalidInput, ModelNotFound
from imagequarry.models.registry import ModelState
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.quarry.dialect import timestamp
from imagequarry.surfaces.quarry.schemas import (
    Bbox,
    DriveFile,
    ExtractionReply,
    FoundMask,
    MasksReply,
    ModelInfo,
    PromptedMask,
    SegmentationReply,
)


def known_model(here: Runtime, name: str | None) -> str | None:
    """The model's name, or a validation error: a model that is not there is a bad parameter, not a missing page."""
    if name:
        try:
            here.segmentation.card(name)
        except ModelNotFound as error:
            raise InvalidInput(f"model_type: {error.message}", **error.details) from error
    return name or None


def model_name(here: Runtime, name: str) -> str:
    """The name that lists show for a model that may be called by another; an unknown one as it is."""
    try:
        return here.registry.card(name).name
    except ModelNotFound:
        return name


def segmentation(found: Segmentation, mask_format: MaskFormat) -> SegmentationReply:
    """A kept segmentation as /segment/single shows it."""
    return SegmentationReply(
        job_id=found.id,
        status=found.state,
        model_type=found.model,
        total_masks=len(found.candidates),
        masks=[_prompted(index, candidate, mask_format) for index, candidate in enumerate(found.candidates)],
        created_at=timestamp(found.created_at),
        updated_at=timestamp(found.updated_at),
    )


def masks(answer: Answer | Segmentation, mask_format: MaskFormat) -> MasksReply:
    """Masks as /segment/auto shows them."""
    found = [_found(candidate, mask_format) for candidate in answer.candidates]
    return MasksReply(total_masks=len(found), masks=found, complete=answer.complete)


def extraction(here: Runtime, done: Extraction, sent: Sent) -> ExtractionReply:
    """Saved objects by the names a caller knows: below ./results, never a server path."""
    return ExtractionReply(
        saved=[cutouts.shown(here.results, file) for file in done.saved],
        skipped=done.skipped,
        drive_files=[drive_file(file) for file in sent.files],
        warnings=list(sent.warnings),
    )


def drive_file(file: drive.DriveFile) -> DriveFile:
    """A file in Google Drive."""
    return DriveFile(file_id=file.file_id, web_view=file.web_view)


def model(state: ModelState) -> ModelInfo:
    """A model as /models/ lists it."""
    card = state.card
    return ModelInfo(
        name=card.name,
        description=card.description,
        size_mb=card.size_mb,
        cached=state.cached,
        loaded=state.loaded,
        memory_usage_mb=megabytes(state.memory_bytes),
        family=card.family,
        licence=card.licence,
        source=card.source,
        digest=state.digest or None,
        task=card.task,
        pullable=bool(card.hub),
    )


def megabytes(size: int) -> float:
    """Bytes as mebibytes, to two places."""
    return round(size / 2**20, 2)


def drawing(found: Segmentation, raster: Raster) -> Response:
    """The picture with its masks as an SVG image; a browser may show it, and nothing in it may run."""
    regions = [
        Region(candidate.mask, candidate.predicted_iou, f"mask {index}")
        for index, candidate in enumerate(found.candidates)
    ]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
    return Response(
        drawn_over(raster, regions), media_type="image/svg+xml", headers={"Content-Security-Policy": policy}
    )


def _prompted(index: int, candidate: Candidate, mask_format: MaskFormat) -> PromptedMask:
    x, y, width, height = _corner_and_size(candidate.mask.box)
    return PromptedMask(
        mask_index=index,
        mask_data=_encoded(candidate, mask_format),
        confidence=_score(candidate.predicted_iou),
        bbox=Bbox(x=x, y=y, width=width, height=height),
        area=candidate.mask.area,
    )


def _found(candidate: Candidate, mask_format: MaskFormat) -> FoundMask:
    return FoundMask(
        segmentation=_encoded(candidate, mask_format),
        area=candidate.mask.area,
        bbox=_corner_and_size(candidate.mask.box),
        predicted_iou=_score(candidate.predicted_iou),
        point_coords=[[candidate.point.x, candidate.point.y]],
        stability_score=_score(candidate.stability_score),
        crop_box=_corner_and_size(candidate.crop_box),
    )


def _encoded(candidate: Candidate, mask_format: MaskFormat) -> EncodedMask:
    return mask_formats.encode(candidate.mask, mask_format)


def _corner_and_size(box: Box) -> list[int]:
    return [int(box.x0), int(box.y0), int(box.width), int(box.height)]


def _score(value: float) -> float:
    return round(float(value), 6)
