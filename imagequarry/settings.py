"""Every environment variable the server knows, typed, described and read once.

Nothing below ``runtime`` reads settings: it is handed plain values.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from imagequarry.errors import QuarryError


class SettingsFault(QuarryError):
    """The settings cannot be used."""


def _listed(value: Any) -> Any:
    """A JSON list or comma-separated text as a list; anything else is left to the validation."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError("is not a valid JSON list") from error
    return [part.strip() for part in text.split(",") if part.strip()]


class Settings(BaseSettings):
    """The server's configuration, from the environment and an optional ``.env`` file in the working folder."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the server listens on; 0 takes a free one.")
    data_dir: Path = Field(Path("data"), description="Parent of the database, blobs, uploads, results and logs.")
    upload_dir: Path | None = Field(
        None, description="Folder that the files of pictures are kept in; default: blobs below DATA_DIR."
    )
    results_dir: Path | None = Field(None, description="Folder for cut-out objects; default: results below DATA_DIR.")
    log_dir: Path | None = Field(None, description="Folder for log files; default: logs below DATA_DIR.")
    log_file: Path | None = Field(None, description="File of the application log; default: application.log in LOG_DIR.")
    log_rotate_mb: int = Field(
        100,
        ge=1,
        le=100_000,
        description="A log file of more MiB than this, or of an earlier day, is put aside.",
    )
    log_retention_days: int = Field(
        30, ge=0, le=3650, description="Days after which a log file that was put aside is deleted; 0: never."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    database_url: SecretStr | None = Field(
        None, description="SQLite or PostgreSQL URL; default: a SQLite file below DATA_DIR."
    )
    db_path: Path | None = Field(
        None, description="Folder of the SQLite file where DATABASE_URL names no database; default: DATA_DIR."
    )
    collection_name: str = Field(
        "image_contexts", max_length=128, description="Name of the collection that surface B's statistics show."
    )
    image_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders that server-side paths may lead into; default: uploads and the folder of the start.",
    )
    vector_engine: Literal["auto", "memory", "pgvector"] = Field(
        "auto", description="Where vectors are searched; auto: pgvector where PostgreSQL has it, else memory."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that open all surfaces, as a JSON list or separated by commas; none: open to everybody."
    )
    admin_api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that open surface E's admin and logs routes too; none: those answer this machine only."
    )
    rate_limit_per_minute: int = Field(
        60, ge=0, le=1_000_000, description="Requests a minute that a caller of surfaces A and E may make; 0: any."
    )
    rate_limit_per_hour: int = Field(
        1000, ge=0, le=100_000_000, description="Requests an hour that such a caller may make; 0: any."
    )
    metrics_enabled: bool = Field(False, description="Whether Prometheus metrics are served on a port of their own.")
    metrics_host: str = Field("127.0.0.1", description="Address of that port.")
    metrics_port: int = Field(9090, ge=0, le=65535, description="That port; 0 takes a free one.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins (JSON list) whose pages may call the server."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Names, besides its own, under which the server may be asked without API_KEYS; *: any."
    )
    default_model: str = Field(
        "auto", description="Model used where a caller names none; auto: the best whose weights are present."
    )
    model_cache_dir: Path | None = Field(None, description="Folder of model weights; default: models below DATA_DIR.")
    sam_checkpoint_path: Path | None = Field(
        None,
        description="An original SAM checkpoint (sam_vit_h_4b8939.pth or a sibling), used as its variant's weights.",
    )
    hf_endpoint: str = Field("https://huggingface.co", description="Hub that weights are pulled from.")
    hf_token: SecretStr | None = Field(None, description="Token for that hub; gated models (SAM 3) ask for one.")
    model_memory_mb: int = Field(
        8192,
        ge=1,
        description="Memory that loaded models may hold together before the least recently used is unloaded.",
    )
    model_idle_seconds: int = Field(1800, ge=0, description="An unused model is unloaded after this time; 0: never.")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="Where the real models run.")
    model_precision: Literal["auto", "exact"] = Field(
        "auto", description="auto: bfloat16 where the hardware is fast at it; exact: always float32."
    )
    caption_model: str = Field("auto", description="Model that writes captions; auto: the best that is there.")
    objects_model: str = Field("auto", description="Model that names objects; auto: the best that is there.")
    image_vector_model: str = Field("auto", description="Model that makes vectors of pictures.")
    mesh_model: str = Field(
        "auto",
        description="Model that makes models in space; auto: tripo3d with FAL_KEY, else the best there is.",
    )
    fal_key: SecretStr | None = Field(None, description="Key of fal.ai, whose Tripo3D makes models in space.")
    fal_endpoint: str = Field(
        "tripo3d/tripo/v2.5/image-to-3d",
        pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){1,5}$",
        description="The model that is asked there.",
    )
    fal_queue_url: str = Field("https://queue.fal.run", pattern=r"^https?://", description="Address of fal.ai's queue.")
    fal_rest_url: str = Field("https://rest.fal.ai", pattern=r"^https?://", description="Address of its file store.")
    fal_timeout: float = Field(900, gt=0, le=86400, description="Seconds to wait for a model from fal.ai.")
    text_vector_model: str = Field("auto", description="Model that makes vectors of captions and queries.")
    object_vocabulary: Annotated[tuple[str, ...], NoDecode] = Field(
        (), max_length=2000, description="Names that CLIP looks for; default: those of COCO and of common scenes."
    )
    object_threshold: float | None = Field(
        None, ge=0, le=1, description="Least score of an object that is told; default: the model's own."
    )
    use_local_files_only: bool = Field(False, description="Never pull weights from the hub.")
    local_blip_model_path: Path | None = Field(None, description="Folder with BLIP's weights, used for blip.")
    local_clip_model_path: Path | None = Field(None, description="Folder with CLIP's weights, used for clip.")
    sam_api_url: str | None = Field(None, description="A SAM HTTP API that makes surface C's masks.")
    sam_api_token: SecretStr | None = Field(None, description="Bearer token of that API.")
    sam_api_timeout: float = Field(150, gt=0, le=3600, description="Seconds to wait for that API.")
    prewarm: bool = Field(False, description="Embed an uploaded picture in the background, so that a click is quick.")
    embedding_cache_dir: Path | None = Field(
        None, description="Folder for embeddings that survive a restart; none: memory only."
    )
    embedding_disk_mb: int = Field(4096, ge=1, description="Disk space for those embeddings.")
    candidate_cache_mb: int = Field(256, ge=0, description="Memory for kept searches, answered again without a model.")
    embedding_cache_mb: int = Field(512, ge=0, description="Memory for picture embeddings kept between prompts.")
    max_image_mb: int = Field(50, ge=1, description="Largest picture file accepted, in MiB.")
    max_batch_mb: int = Field(512, ge=1, description="Largest body of a batch, all its pictures as base64, in MiB.")
    max_upload_files: int = Field(25, ge=1, le=1000, description="Most files in one upload to be made models of.")
    max_upload_mb: int = Field(10, ge=1, le=1024, description="Largest of those files, in MiB.")
    max_image_side: int = Field(4096, ge=16, description="Longest picture side accepted, in pixels.")
    google_drive_enabled: bool = Field(False, description="Whether results may be sent to Google Drive.")
    google_service_account_json: Path | None = Field(
        None, description="Key file of the service account that puts files into Google Drive."
    )
    drive_folder_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,256}$",
        description="Folder that files go to where a caller names none: the last part of its address.",
    )
    google_drive_subject: str | None = Field(
        None, description="Person the service account acts for, by e-mail address; needs domain-wide delegation."
    )
    google_oauth_client_id: str | None = Field(None, description="OAuth client, for a person's Drive instead.")
    google_oauth_client_secret: SecretStr | None = Field(None, description="Secret of that client.")
    google_oauth_refresh_token: SecretStr | None = Field(None, description="That person's refresh token.")
    drive_api_url: str = Field(
        "https://www.googleapis.com", pattern=r"^https?://", description="Address of the Google Drive API."
    )
    job_queue: Literal["embedded", "celery"] = Field(
        "embedded", description="Who does the jobs: the server itself, or Celery workers over Redis."
    )
    job_workers: int = Field(
        1, ge=0, le=64, description="Jobs that the embedded queue runs at once; 0: others do, see `imagequarry work`."
    )
    jobs_isolation: Literal["thread", "process"] = Field(
        "thread", description="thread: shares the loaded models; process: can be stopped whatever it does."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis that tells watchers in all processes of events; none: they look for themselves."
    )
    celery_broker_url: SecretStr | None = Field(
        None, description="Redis that wakes Celery workers; default: redis://localhost:6379/1."
    )
    celery_result_backend: SecretStr | None = Field(
        None, description="Accepted and not used: results are in the database."
    )
    task_time_limit: float = Field(600, gt=0, le=864000, description="Seconds after which a job is given up.")
    task_soft_time_limit: float = Field(540, gt=0, le=864000, description="Seconds after which a job is asked to stop.")
    job_max_tries: int = Field(3, ge=1, le=100, description="How often a job is started when its worker dies in it.")
    job_lease_seconds: float = Field(
        20, ge=1, le=3600, description="How long a job waits before it is taken from a worker that fell silent."
    )
    job_retention_hours: float = Field(
        168, ge=0, le=876000, description="Hours after which a job that ended is deleted; 0: never."
    )
    job_queue_length: int = Field(
        1000, ge=1, le=1000000, description="Jobs that may wait before more are refused as busy."
    )
    app_title: str = Field("Image Quarry", description="Title shown in the API documentation.")
    max_streams: int = Field(1000, ge=0, le=100000, description="Event streams that may be open at once.")
    max_sockets: int = Field(200, ge=0, le=10000, description="WebSockets that may be open at once.")
    app_description: str = Field(
        "Segmentation, cut-outs, captions and search of pictures over five documented surfaces.",
        description="Description shown in the API documentation.",
    )
    app_version: str | None = Field(None, description="Version reported by the server; default: the package's own.")

    @field_validator(
        *("api_keys", "admin_api_keys", "allowed_hosts", "cors_origins", "image_roots", "object_vocabulary"),
        mode="before",
    )
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return _listed(value)

    @model_validator(mode="after")
    def _no_empty_key(self) -> Settings:
        if any(not key.get_secret_value() for key in (*self.api_keys, *self.admin_api_keys)):
            raise ValueError("API_KEYS or ADMIN_API_KEYS holds an empty key")
        return self

    @model_validator(mode="after")
    def _whole_oauth(self) -> Settings:
        parts = (self.google_oauth_client_id, self.google_oauth_client_secret, self.google_oauth_refresh_token)
        if any(parts) and not all(parts):
            raise ValueError("GOOGLE_OAUTH_CLIENT_ID, _CLIENT_SECRET and _REFRESH_TOKEN are of use only together")
        return self

    @model_validator(mode="after")
    def _soft_before_hard(self) -> Settings:
        if self.task_soft_time_limit > self.task_time_limit:
            raise ValueError("TASK_SOFT_TIME_LIMIT is longer than TASK_TIME_LIMIT")
        return self

    @property
    def uploads(self) -> Path:
        """Where surface B puts what is uploaded, under its own name."""
        return self.upload_dir or self.data_dir / "uploads"

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that server-side paths may lead into, the uploads among them."""
        here = Path.cwd()
        # A service that was started in / means no folder at all, and surely not every file of the machine.
        started_in = (here,) if here != here.parent else ()
        return tuple(dict.fromkeys((*(self.image_roots or started_in), self.uploads)))

    @property
    def blobs(self) -> Path:
        return self.upload_dir or self.data_dir / "blobs"

    @property
    def results(self) -> Path:
        return self.results_dir or self.data_dir / "results"

    @property
    def exports(self) -> Path:
        return self.data_dir / "exports"

    @property
    def logs(self) -> Path:
        return self.log_dir or self.data_dir / "logs"

    @property
    def models(self) -> Path:
        return self.model_cache_dir or self.data_dir / "models"

    @property
    def shown(self) -> dict[str, Any]:
        """All settings as JSON values for people: of what is secret only whether it is set."""
        return {name: _shown(getattr(self, name)) for name in type(self).model_fields}

    @property
    def celery_broker(self) -> str:
        """The broker's URL, password included: hand it on, never show it."""
        return self.celery_broker_url.get_secret_value() if self.celery_broker_url else "redis://localhost:6379/1"

    @property
    def database(self) -> str:
        """The database's URL, password included: hand it on, never show it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{((self.db_path or self.data_dir) / 'imagequarry.db').resolve()}"


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "set"
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    if isinstance(value, Path | str):
        # An address may carry a name and a password.
        return re.sub(r"(?<=://)[^/\s@]+(?=@)", "...", str(value))
    return value


def read_settings(**given: Any) -> Settings:
    """The settings of this process; ``given`` values win over the environment.

    Raises ``SettingsFault`` with one sentence per variable that cannot be used; values are never repeated.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])).upper() or 'settings'}: {e['msg']}" for e in error.errors()]
        raise SettingsFault("The settings cannot be used. " + "; ".join(faults)) from None
