"""What the models that describe pictures do: captions, objects, and vectors of pictures and of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.raster import Raster

Vectors = NDArray[np.float32]
"""(N, D) float32; every row has length 1, so that the product of two rows is their cosine."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Something seen in a picture: its name, in lower case, and how sure the engine is, 0..1."""

    name: str
    score: float


class Captioner(Protocol):
    """Says in one sentence what a picture shows. All methods of all engines here may be called from many threads."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...

    def captions(self, images: Sequence[Raster]) -> list[str]:
        """One sentence for each picture, without a full stop, in their order."""
        ...


class Tagger(Protocol):
    """Names what is in a picture."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...

    def tags(self, images: Sequence[Raster]) -> list[list[Tag]]:
        """What each picture shows, the surest first, no name twice; empty where nothing is sure enough."""
        ...


class ImageEncoder(Protocol):
    """Turns pictures into vectors: like pictures into near ones."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        ...

    def encode(self, images: Sequence[Raster]) -> Vectors:
        """(N, dimension), a row of length 1 for each picture."""
        ...


@runtime_checkable
class ReadsWords(Protocol):
    """An image encoder that puts words into the space of its pictures, as CLIP does."""

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        """(N, dimension), a row of length 1 for each text."""
        ...


class TextEncoder(Protocol):
    """Turns texts into vectors: those of like meaning into near ones."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(N, dimension), a row of length 1 for each text."""
        ...


@runtime_checkable
class TimesItsLoading(Protocol):
    """An engine that knows how long each part of it took to load."""

    @property
    def load_seconds(self) -> dict[str, float]:
        """Seconds by part: "processor" and "model"."""
        ...
