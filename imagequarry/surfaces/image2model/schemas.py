"""The bodies of surface E's routes that take pictures in and hand models out."""

# No postponed annotations: FastAPI reads those of the bodies where they stand.
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from imagequarry.domain.mesh import FEWEST_FACES, MOST_FACES, MeshOptions, Quality
from imagequarry.jobs.model_orders import ModelWish
from imagequarry.surfaces.image2model.states import Word


def _or_none(value: Any) -> Any:
    """A form's empty text is no text."""
    return None if value == "" else value


class ModelFields(BaseModel):
    """How a model should be made: fields of the form of an upload, and of the body of /models/generate."""

    model_type: Annotated[str | None, BeforeValidator(_or_none)] = Field(
        None, max_length=128, description="What makes it; left out: the best there is."
    )
    quality: Quality = Field("standard", description="Patience and detail.")
    texture_enabled: bool = Field(True, description="Whether the picture lies on it.")
    face_limit: Annotated[int | None, BeforeValidator(_or_none)] = Field(
        None, ge=FEWEST_FACES, le=MOST_FACES, description="The most triangles it may have."
    )

    @property
    def wish(self) -> ModelWish:
        """The same as those understand it who make it."""
        return ModelWish(self.model_type, MeshOptions(self.face_limit, self.texture_enabled, self.quality))


class UploadedFile(BaseModel):
    """A file of an upload; ``error`` says why one that failed is of no use."""

    file_id: str
    filename: str
    file_size: int
    content_type: str
    status: str
    error: str | None = Field(None, exclude_if=lambda error: error is None)


class Uploaded(BaseModel):
    """An upload that was taken in: its three ids are one."""

    batch_id: str
    job_id: str
    task_id: str
    uploaded_files: list[UploadedFile]
    face_limit: int | None
    total_files: int
    status: str
    message: str


class FileStatus(BaseModel):
    """How far a file is: ``status`` of the whole way, ``processing_status`` of the work on it."""

    file_id: str
    status: str
    processing_status: Word
    progress: int | float
    filename: str
    error: str | None


class BatchStatus(BaseModel):
    """How far an upload is; ``progress`` is 0..100."""

    batch_id: str
    status: Word
    total_files: int
    completed_files: int
    failed_files: int
    progress: int | float


class GenerateRequest(ModelFields):
    """A model of one picture, of any surface."""

    file_id: str = Field(min_length=1, max_length=128)


class Generating(BaseModel):
    """A model that will be made; ``estimated_time`` in seconds, once its turn comes."""

    job_id: str
    status: str
    estimated_time: int


class ModelJob(BaseModel):
    """How far a model is: ``progress`` 0..100, ``estimated_time_remaining`` in seconds."""

    job_id: str
    status: Word
    progress: int | float
    model_url: str | None
    estimated_time_remaining: int
    error: str | None


class ModelType(BaseModel):
    """What makes models. ``geometry``: 2.5d where the sides that a picture does not show are not made up."""

    name: str
    description: str
    type: str
    supported_formats: list[str]
    geometry: str
    available: bool
    unavailable_reason: str | None
    licence: str
    default: bool


class JobFile(BaseModel):
    """A file that a job made; ``created_time`` in seconds since 1970, ``rendered_image`` the address of a picture."""

    filename: str
    size: int
    mime_type: str
    created_time: int
    rendered_image: str | None


class JobFiles(BaseModel):
    """What a job made so far, and where to fetch each."""

    job_id: str
    files: list[JobFile]
    download_urls: list[str]
    total_files: int


class JobMetadata(BaseModel):
    """What the ledger of jobs knows of one."""

    created: str
    status: Word
    kind: str
    model: str | None
    progress: int | float
    attempts: int
    error: str | None


class JobDebug(BaseModel):
    """Whether a job is known, and with what."""

    job_id: str
    found: bool
    files: list[str]
    metadata: JobMetadata | None
