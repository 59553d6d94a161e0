"""What every segmentation engine does: embed a picture once, then answer prompts from the embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Watch


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to segment: points (1 foreground, 0 background), a box, or both, in pixels of the picture."""

    points: tuple[Point, ...] = ()
    labels: tuple[int, ...] = ()
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Everything:
    """How to segment everything; the meanings are those of SAM's automatic mask generator.

    ``points_per_side``: a region is found when a point of the n x n grid falls into it. ``pred_iou_thresh`` and
    ``stability_score_thresh`` (0..1): what scores less is dropped; 0 or less switches the test off.
    ``crop_n_layers``: layer i cuts the picture into 2^i x 2^i overlapping crops, searched with a grid
    ``crop_n_points_downscale_factor``^i times coarser. ``min_mask_region_area``: holes and islands below that many
    pixels are removed from each mask; ``min_area``: whole masks below it are dropped. ``max_time_ms``: the best
    found until then is returned, marked as incomplete.
    """

    points_per_side: int = 64
    pred_iou_thresh: float = 0.90
    stability_score_thresh: float = 0.92
    crop_n_layers: int = 1
    crop_n_points_downscale_factor: int = 2
    min_mask_region_area: int = 1000
    min_area: int = 0
    max_time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer: a mask and how good the engine believes it to be.

    ``predicted_iou`` (0..1) is the overlap the engine expects with what was meant, ``stability_score`` (0..1) how
    little the mask changes when the engine is a bit more or less strict, ``point`` a point that found it, and
    ``crop_box`` the part of the picture it was found in.
    """

    mask: Mask
    predicted_iou: float
    stability_score: float
    point: Point
    crop_box: Box


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for everything found, best first, and whether it was allowed to finish."""

    candidates: Sequence[Candidate]
    complete: bool = True


class Candidates(Protocol):
    """All that one search found, kept so that other thresholds are answered without the model. Immutable."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the search was allowed to finish."""
        ...

    def answer(self, wish: Everything) -> Found:
        """What a search with that wish would find: same grid, and thresholds no lower than those of this search."""
        ...


class Embedding(Protocol):
    """What an engine keeps of a picture; opaque to everyone but that engine, immutable, shared by threads."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        ...


class Segmenter(Protocol):
    """A loaded segmentation model. All methods may be called from many threads at once."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        ...

    def embed(self, image: Raster) -> Embedding:
        """Compute what all prompts on this picture share."""
        ...

    def predict(self, embedding: Any, prompt: Prompt) -> list[Candidate]:
        """Three candidates (whole, part, subpart where there are such), the best first."""
        ...

    def everything(self, image: Raster, embedding: Any, wish: Everything, watch: Watch) -> Found:
        """Every region of the picture that the wish lets pass, the best first."""
        ...


@runtime_checkable
class KeepsCandidates(Protocol):
    """A segmenter whose searches are worth keeping."""

    def candidates(self, image: Raster, embedding: Any, wish: Everything, watch: Watch) -> Candidates:
        """All that the wish's grid finds above the wish's thresholds."""
        ...


@runtime_checkable
class PacksEmbeddings(Protocol):
    """A segmenter whose embeddings can be written to disk."""

    def pack(self, embedding: Any) -> bytes:
        """The embedding as bytes."""
        ...

    def unpack(self, data: bytes) -> Any:
        """What ``pack`` wrote under the same weights; ``ValueError`` where it is damaged or of another model."""
        ...
