"""The bodies of surface A."""

# No postponed annotations: FastAPI reads those of the form classes where they stand.
from dataclasses import dataclass, fields
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Form
from pydantic import BaseModel, Field, TypeAdapter, model_validator

from imagequarry.capabilities.mask_formats import EncodedMask, MaskFormat
from imagequarry.surfaces.prompts import FractionBox, FractionPoint, PromptList

T = TypeVar("T")

MAX_BATCH = 10_000


class Bbox(BaseModel):
    """A mask's tight box in pixels."""

    x: int
    y: int
    width: int
    height: int


class PromptedMask(BaseModel):
    """A mask as /segment/single returns it."""

    mask_index: int
    mask_data: EncodedMask
    confidence: float
    bbox: Bbox
    area: int


class SegmentationReply(BaseModel):
    """A segmentation job with its masks."""

    job_id: str
    status: str
    model_type: str
    total_masks: int
    masks: list[PromptedMask]
    created_at: str
    updated_at: str


class FoundMask(BaseModel):
    """A mask as /segment/auto and /segment/box return it; boxes are x, y, width, height in pixels."""

    segmentation: EncodedMask
    area: int
    bbox: list[int]
    predicted_iou: float
    point_coords: list[list[float]]
    stability_score: float
    crop_box: list[int]


class MasksReply(BaseModel):
    """The masks found in a picture; ``complete`` is false when ``max_time_ms`` ended the search."""

    total_masks: int
    masks: list[FoundMask]
    complete: bool = True


class DriveFile(BaseModel):
    """A file in Google Drive."""

    file_id: str
    web_view: str


class ExtractionReply(BaseModel):
    """Where the objects were saved, and how many were too small."""

    saved: list[str]
    skipped: int
    drive_files: list[DriveFile]
    warnings: list[str] = []


class TaskReply(BaseModel):
    """A job was taken in; ask for it under /jobs/."""

    task_id: str


class BatchRequest(BaseModel):
    """Pictures as base64, each with points and boxes (fractions 0..1) of its own where there are any.

    ``parameters`` may name the parameters of /segment/auto, for pictures without prompts; others are ignored.
    """

    model_type: Annotated[str | None, Field(max_length=128)] = None
    images: Annotated[list[str], Field(min_length=1, max_length=MAX_BATCH)]
    points: list[PromptList[FractionPoint] | None] | None = None
    boxes: list[PromptList[FractionBox] | None] | None = None
    parameters: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _no_more_prompts_than_images(self) -> "BatchRequest":
        for name in ("points", "boxes"):
            if len(getattr(self, name) or ()) > len(self.images):
                raise ValueError(f"{name} has more lists than there are images")
        self.named()
        return self

    def named(self) -> dict[str, Any]:
        """Those of the parameters that /segment/auto knows."""
        known = {name: value for name, value in (self.parameters or {}).items() if name in _EVERYTHING_FIELDS}
        return vars(_EVERYTHING.validate_python(known))


class BatchTaken(BaseModel):
    """A batch was taken in."""

    batch_job_id: str
    task_id: str
    status: str
    total_images: int
    created_at: str


class JobLine(BaseModel):
    """A job. ``filename`` is that of its picture, empty where it is about none of a name; ``progress`` is 0..1.

    ``image_id`` is the picture of its own that it works on; ``total_images`` is 0 for what is no batch.
    """

    job_id: str
    status: str
    model_type: str | None
    total_masks: int
    created_at: str
    updated_at: str
    kind: str
    filename: str
    batch_job_id: str | None
    image_id: str | None
    total_images: int
    started_at: str | None
    progress: float
    message: str
    error_code: str | None
    error: str | None


class BatchLine(BaseModel):
    """A picture of a batch."""

    job_id: str
    status: str
    model_type: str | None
    total_masks: int
    error: str | None = None


class BatchReply(BaseModel):
    """A batch: completed and failed images add up to what has ended."""

    batch_job_id: str
    status: str
    total_images: int
    completed_images: int
    failed_images: int
    created_at: str
    updated_at: str
    jobs: list[BatchLine]


class JobStatus(BaseModel):
    """How far a job is, 0..1."""

    job_id: str
    status: str
    created_at: str
    updated_at: str
    progress: float
    total_images: int
    processed_images: int
    message: str = ""
    error: str | None = None


class JobsReply(BaseModel):
    """A page of jobs, the newest first."""

    success: bool
    message: str
    data: list[JobLine]
    total: int
    page: int
    page_size: int
    total_pages: int
    timestamp: str


class DriveStatus(BaseModel):
    """Whether Google Drive can be used."""

    enabled: bool
    authenticated: bool
    folder_access: bool


class ModelInfo(BaseModel):
    """A model as it stands on this server."""

    name: str
    description: str
    size_mb: int
    cached: bool
    loaded: bool
    memory_usage_mb: float
    family: str
    licence: str
    source: str
    digest: str | None = None
    task: str
    pullable: bool


class LoadedModel(BaseModel):
    """A model that was loaded."""

    name: str
    loaded: bool
    memory_usage_mb: float


class Done(BaseModel):
    """Something was done."""

    success: bool
    message: str
    timestamp: str


class Enveloped(Done, Generic[T]):
    """A reply with data."""

    data: T


MaskFormatField = Annotated[MaskFormat, Form(description="How masks are encoded.")]
ModelField = Annotated[str | None, Form(max_length=128, description="Model variant; default: DEFAULT_MODEL.")]
DriveFolderField = Annotated[
    str | None,
    Form(pattern="^[A-Za-z0-9_-]*$", max_length=256, description="Folder in Google Drive; default: DRIVE_FOLDER_ID."),
]
Share = Form(ge=0, le=1, allow_inf_nan=False)


@dataclass(frozen=True)
class EverythingForm:
    """The parameters of /segment/auto. The documented defaults are SAM's; the embedded engine has its own."""

    points_per_side: Annotated[int | None, Form(ge=1, le=128, description="Points per side. SAM: 64.")] = None
    pred_iou_thresh: Annotated[float | None, Share] = None
    stability_score_thresh: Annotated[float | None, Share] = None
    crop_n_layers: Annotated[int | None, Form(ge=0, le=3, description="Crop layers. SAM: 1.")] = None
    crop_n_points_downscale_factor: Annotated[int | None, Form(ge=1, le=16)] = None
    min_mask_region_area: Annotated[int | None, Form(ge=0, description="Smallest hole or island kept, pixels.")] = None
    min_area: Annotated[int | None, Form(ge=0, description="Smallest mask kept, pixels.")] = None
    max_time_ms: Annotated[int | None, Form(ge=1, description="The best found within this time.")] = None
    mode: Annotated[Literal["exact", "fast"] | None, Form(description="Precision of models with weights.")] = None


_EVERYTHING = TypeAdapter(EverythingForm)
_EVERYTHING_FIELDS = frozenset(field.name for field in fields(EverythingForm))
