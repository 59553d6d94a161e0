"""What is kept of pictures and of the masks found in them. A record that exists is valid: its constructor checks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import InvalidInput

ImageKind = Literal["original", "mask", "copy"]
Origin = Literal["quarry", "context", "sam2", "imgr", "image2model"]
Operation = Literal["single", "everything", "box", "stored"]
State = Literal["pending", "running", "completed", "failed"]

LONGEST_ID = 128
LONGEST_NAME = 255
# Control characters, which PostgreSQL (NUL) or a log could not bear, and lone surrogates, which are no text at all.
# Not str.isprintable: that refuses the narrow space in the names macOS gives to screenshots, and joined emoji.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def utc_now() -> datetime:
    """The time, aware of its zone, in whole microseconds: what both databases keep."""
    return datetime.now(UTC)


def is_id(text: str) -> bool:
    """Whether a record can have that id: 1..128 characters that a database keeps as they are."""
    return 0 < len(text) <= LONGEST_ID and not _UNFIT.search(text)


def is_digest(text: str) -> bool:
    """Whether the text is a SHA-256 in lower-case hexadecimal digits."""
    return re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII) is not None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture that was uploaded, a mask kept as one, or a picture again, for a job that must not lose it.

    ``digest`` is the SHA-256 (hex) of its file, ``format`` Pillow's word for it ("JPEG"), ``width`` and ``height``
    its upright size in pixels, ``origin`` the surface that stored it.
    """

    id: str
    digest: str
    filename: str
    format: str
    width: int
    height: int
    size_bytes: int
    kind: ImageKind = "original"
    origin: Origin = "quarry"
    created_at: datetime = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        _check_identity(self.id, self.digest)
        _check_size(self.width, self.height)
        _check_text("A file name", self.filename, LONGEST_NAME)
        _check_text("A format", self.format, 16)
        _check_times(self.created_at)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A picture as a listing shows it: with the number of masks in its newest segmentation."""

    image: StoredImage
    mask_count: int


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What one request for masks found.

    ``digest`` names the content that was segmented, ``image_id`` the stored picture if there is one. A mask's
    position is its index in ``candidates``. ``complete`` is false when a time limit ended the search.
    """

    id: str
    digest: str
    width: int
    height: int
    operation: Operation
    model: str
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)
    image_id: str | None = None
    state: State = "completed"
    error: str | None = None
    complete: bool = True
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        _check_identity(self.id, self.digest)
        _check_size(self.width, self.height)
        _check_text("A model's name", self.model, 128)
        _check_times(self.created_at, self.updated_at)


def _check_identity(id: str, digest: str) -> None:
    if not is_id(id):
        raise InvalidInput("An id has 1 to 128 characters, none of them control characters.")
    if not is_digest(digest):
        raise InvalidInput("A digest is 64 hexadecimal digits.")


def _check_size(width: int, height: int) -> None:
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise InvalidInput("A picture is at least one pixel wide and high.")


def _check_text(what: str, text: str, longest: int) -> None:
    if len(text) > longest or _UNFIT.search(text):
        raise InvalidInput(f"{what} has at most {longest} characters, none of them control characters.")


def _check_times(*times: datetime) -> None:
    if any(time.tzinfo is None for time in times):
        raise InvalidInput("A time that is kept must know its zone.")
