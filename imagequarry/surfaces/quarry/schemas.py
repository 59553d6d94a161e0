"""The bodies of surface A."""

# No postponed annotations: FastAPI reads those of the form classes where they stand.
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Form
from pydantic import BaseModel

from imagequarry.capabilities.mask_formats import EncodedMask, MaskFormat

T = TypeVar("T")


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
