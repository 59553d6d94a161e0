"""What is kept of a picture that was described: its words, where its file lies, and which vectors belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from imagequarry.domain.describing import Tag
from imagequarry.domain.records import StoredImage, utc_now

SpaceKind = Literal["picture", "text"]


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors that may be compared with each other: of pictures or of texts, made by one version of one model.

    ``version`` is that of the engine and its weights together, ``dimension`` the length of each vector.
    """

    kind: SpaceKind
    model: str
    version: str
    dimension: int

    @property
    def key(self) -> str:
        """The space in one word, as it is stored with each vector: at most 255 characters."""
        return f"{self.kind}:{self.model}:{self.version}:{self.dimension}"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file outside the blobs: its absolute path, its bytes, and when it was changed last, in nanoseconds."""

    path: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Description:
    """What models said of a picture, the surest object first. ``perceptual_hash`` is 32 bytes.

    ``captioned_by`` and ``tagged_by`` name the models; ``filename`` is searched beside caption and objects.
    """

    caption: str
    objects: tuple[Tag, ...]
    captioned_by: str
    tagged_by: str
    filename: str = ""
    perceptual_hash: bytes | None = field(default=None, repr=False)
    described_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class DescribedImage:
    """A picture with all that is known of it; ``file`` is None for one whose bytes are among the blobs."""

    image: StoredImage
    file: ImageFile | None
    description: Description | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that a search found, and the cosine between it and what was asked, -1..1."""

    image_id: str
    score: float
