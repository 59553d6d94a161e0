"""The bodies of surface B's routes about images, directories and duplicates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool

PathText = Annotated[str, Field(min_length=1, max_length=4096)]
Threshold = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ProcessRequest(BaseModel):
    """A picture on the server; ``image_id`` instead of the path for one that any surface keeps already."""

    image_path: PathText | None = None
    image_id: Annotated[str, Field(max_length=128)] | None = None
    force_reprocess: StrictBool = False


class ImageInfo(BaseModel):
    """What is known of a picture. ``size`` is width and height; ``caption`` is empty before it is processed."""

    id: str
    path: str
    filename: str
    size: tuple[int, int]
    file_size: int
    format: str
    caption: str
    objects: list[str]


class FoundImage(ImageInfo):
    """The same with how near it is to what was asked; the two add up to 1."""

    score: float
    distance: float


class ImageDetail(ImageInfo):
    """The same with how it came to be; ``object_scores`` are 0..1."""

    processed: bool
    object_scores: dict[str, float]
    captioned_by: str | None
    tagged_by: str | None
    digest: str
    created_at: str
    processed_at: str | None


class Processed(BaseModel):
    """One picture, processed or known already. ``processing_time`` is seconds."""

    success: bool
    image_id: str
    message: str
    image_info: ImageInfo
    processing_time: float
    was_duplicate: bool


class Uploaded(BaseModel):
    """A file that was taken in; ``file_path`` is relative to the folder of uploads."""

    success: bool
    filename: str
    file_path: str
    file_size: int
    image_id: str
    message: str


class Deleted(BaseModel):
    """A picture that is known no more."""

    success: bool
    image_id: str
    file_deleted: bool
    message: str


class DirectoryRequest(BaseModel):
    """A folder on the server."""

    directory_path: PathText
    force_reprocess: StrictBool = False
    recursive: StrictBool = False


class DirectoryProcessed(BaseModel):
    """What became of a folder's pictures; ``failure_reasons`` says by path why the first hundred failed."""

    success: bool
    total_files: int
    processed: int
    skipped: int
    failed: int
    processed_ids: list[str]
    failed_files: list[str]
    failure_reasons: dict[str, str]
    processing_time: float
    message: str


class TaskTaken(BaseModel):
    """Work that goes on in the background."""

    task_id: str
    status: str
    message: str


TaskState = Literal["queued", "processing", "completed", "failed"]


class TaskStatus(BaseModel):
    """How far work in the background is; ``progress`` is 0..100."""

    task_id: str
    status: TaskState
    progress: float
    message: str
    result: Any
    error: str | None
    created_at: str
    updated_at: str


class ScannedFile(BaseModel):
    """A file that looks like a picture by its name."""

    path: str
    filename: str
    file_size: int


class Scanned(BaseModel):
    """The pictures of a folder. ``truncated``: there are more than are listed; the totals count all."""

    success: bool
    directory_path: str
    recursive: bool
    total_files: int
    total_size: int
    files: list[ScannedFile]
    failed_files: list[str]
    truncated: bool


class DuplicatesRequest(BaseModel):
    """Where to look: a picture, a folder, or with neither all that is known."""

    image_path: PathText | None = None
    directory_path: PathText | None = None
    similarity_threshold: Threshold = 0.95


class DuplicateGroup(BaseModel):
    """Pictures that are like their representative; ``paths`` begins with its own.

    ``similarity_scores`` and ``kinds`` are those of the ``duplicate_ids``, in their order.
    """

    representative_id: str
    duplicate_ids: list[str]
    similarity_scores: list[float]
    kinds: list[str]
    paths: list[str]


class DuplicatesFound(BaseModel):
    """Groups of pictures that are alike, the largest first. ``check_time`` is seconds."""

    success: bool
    total_images: int
    duplicate_groups: list[DuplicateGroup]
    total_duplicates: int
    check_time: float
    message: str


class CompareRequest(BaseModel):
    """Two pictures on the server."""

    image1_path: PathText
    image2_path: PathText
    similarity_threshold: Threshold = 0.95


class DuplicatesRemoved(BaseModel):
    """What was removed, or would be: ``dry_run`` removes nothing."""

    success: bool
    dry_run: bool
    similarity_threshold: float
    total_groups: int
    total_removed: int
    removed_ids: list[str]
    kept_ids: list[str]
    deleted_files: list[str]
    failed_files: list[str]
    message: str


class ContextModels(BaseModel):
    """Whether the models that describe pictures are in memory, by the part each plays.

    The names are the document's: ``blip_*`` stands for what writes captions, ``clip_*`` for what names objects and
    makes vectors of pictures, ``sentence_transformer`` for what makes vectors of texts, whichever models those are.
    """

    blip_processor: bool
    blip_model: bool
    clip_processor: bool
    clip_model: bool
    sentence_transformer: bool


class ServingModels(BaseModel):
    """The models that do each task where nobody chooses; null where none on this machine can."""

    caption: str | None
    objects: str | None
    image_vectors: str | None
    text_vectors: str | None
    segmentation: str


class ModelsStatus(BaseModel):
    """What is in memory; ``segmentation_models`` are those that segment, by name."""

    models: ContextModels
    serving: ServingModels
    segmentation_models: dict[str, bool]
    device: str
    timestamp: str


class Timings(BaseModel):
    """Seconds that loading took by part; 0 for what was in memory already and for what nobody plays here."""

    sentence_transformer: float
    blip_processor: float
    blip_model: float
    clip_processor: float
    clip_model: float
    segmentation_model: float
    total: float


class Preloaded(BaseModel):
    """How long loading took."""

    success: bool
    timings: Timings
    serving: ServingModels
    segmentation_model: str
    device: str
    timestamp: str
