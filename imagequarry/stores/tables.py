"""The tables, as SQLAlchemy Core describes them; ``migrations`` makes them, and a test holds the two together."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

# The newest revision in migrations/versions: known here so that a start with nothing to do need not import Alembic.
REVISION = "0003"


class UtcTime(TypeDecorator[datetime]):
    """A time that goes in aware of its zone and comes out in UTC, on a database without time zones too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A stored time must know its zone.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON as text that both databases keep as it is: the escape of NUL included, which PostgreSQL's jsonb refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, allow_nan=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


# Names for all constraints, so that later revisions can name what they change.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

images = Table(
    "images",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("filename", String(255), nullable=False),
    Column("format", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
Index(None, images.c.digest)
Index(None, images.c.created_at)

segmentations = Table(
    "segmentations",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("image_id", String(128), ForeignKey("images.id", ondelete="CASCADE")),
    Column("digest", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("operation", String(16), nullable=False),
    Column("model", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("error", Text),
    Column("complete", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
# Serves both "the newest of this image" and the cascade.
Index(None, segmentations.c.image_id, segmentations.c.created_at)

masks = Table(
    "masks",
    metadata,
    Column("segmentation_id", String(128), ForeignKey("segmentations.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("counts", LargeBinary, nullable=False),
    Column("area", Integer, nullable=False),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("predicted_iou", Float, nullable=False),
    Column("stability_score", Float, nullable=False),
    Column("point_x", Float, nullable=False),
    Column("point_y", Float, nullable=False),
    Column("crop_x", Float, nullable=False),
    Column("crop_y", Float, nullable=False),
    Column("crop_width", Float, nullable=False),
    Column("crop_height", Float, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("parent_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("position", Integer, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("model", String(128)),
    Column("params", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("worker", String(255)),
    Column("lease_until", UtcTime),
    Column("cancel", Boolean, nullable=False),
    Column("checkpoint", Json),
    Column("soft", Float, nullable=False),
    Column("hard", Float, nullable=False),
    # When the hard limit of this attempt passes; databases disagree about how to add seconds to a time.
    Column("deadline", UtcTime),
    Column("not_before", UtcTime, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("started", UtcTime),
    Column("finished", UtcTime),
    Column("dispatched", UtcTime),
    Column("result", Json),
    Column("error", Json),
    Column("children", Integer, nullable=False),
    Column("children_completed", Integer, nullable=False),
    Column("children_failed", Integer, nullable=False),
)
# Serves the claim: what waits, in its order.
Index(None, jobs.c.state, jobs.c.created, jobs.c.position)
Index(None, jobs.c.parent_id, jobs.c.position)
Index(None, jobs.c.created)

job_events = Table(
    "job_events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("type", String(16), nullable=False),
    Column("data", Json, nullable=False),
    # Without it SQLite gives the numbers of deleted rows out again, and a watcher that resumes would miss events.
    sqlite_autoincrement=True,
)
Index(None, job_events.c.job_id, job_events.c.seq)

LONGEST_BEGINNING = 255
BEGINNING = String(LONGEST_BEGINNING).with_variant(String(LONGEST_BEGINNING, collation="C"), "postgresql")

# Pictures that stay where they lie: the file of an image that is not among the blobs.
image_files = Table(
    "image_files",
    metadata,
    Column("image_id", String(128), ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("path", Text, nullable=False),
    # SHA-256 of the path: one picture for each, however long it is.
    Column("path_key", String(64), nullable=False),
    # Its first characters, in the order of their code points: an index of what lies in a folder, short enough for one.
    Column("beginning", BEGINNING, nullable=False),
    # Tell without reading the file whether it changed.
    Column("size_bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
)
Index(None, image_files.c.path_key, unique=True)
Index(None, image_files.c.beginning)

descriptions = Table(
    "descriptions",
    metadata,
    # A number beside the id: full text search knows its rows by one.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("image_id", String(128), ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    # The three columns that words are searched in: the words of the file's name and of the objects, as ``stores.words``
    # makes them of a text, and the caption as it is. PostgreSQL has a fourth, ``words``, which only searches know.
    Column("filename", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("objects", Text, nullable=False),
    Column("captioned_by", String(128), nullable=False),
    Column("tagged_by", String(128), nullable=False),
    Column("perceptual_hash", LargeBinary),
    Column("described_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
Index(None, descriptions.c.image_id, unique=True)

image_objects = Table(
    "image_objects",
    metadata,
    Column("image_id", String(128), ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("score", Float, nullable=False),
)
Index(None, image_objects.c.name)

vectors = Table(
    "vectors",
    metadata,
    # Grows with every row and is never used again: who holds the rows up to one number reads on from there.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("image_id", String(128), ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    # What was encoded, by which model in which version: vectors of two spaces are never compared.
    Column("space", String(255), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
Index(None, vectors.c.image_id, vectors.c.space, unique=True)
Index(None, vectors.c.space, vectors.c.number)
