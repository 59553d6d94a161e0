"""Two pictures measured against each other: their vectors, their hashes and their pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.duplicates.hashing import (
    AGREEING_BITS,
    TRANSFORMS,
    Transform,
    grey,
    perceptual_hash,
    transforms,
    turned,
    turned_hashes,
    words,
)
from imagequarry.capabilities.duplicates.matches import Tier
from imagequarry.capabilities.duplicates.pairs import similarity
from imagequarry.domain.describing import Vectors
from imagequarry.domain.raster import Raster

Verdict = Tier | Literal["different"]
Levels = NDArray[np.float64]
Encode = Callable[[Sequence[Raster]], Vectors]

_SIDE = 256
_WINDOW = 11
# Of unlike pictures half the bits differ, as if they were thrown.
_BITS_OF_UNLIKE = 128


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the second picture differs from the first.

    ``similarity`` 0..1 is what groups compare with their threshold, ``cosine`` -1..1 that of the vectors alone;
    ``verdict`` is the tier at the threshold that was asked. ``hash_distance`` counts
    differing bits out of 256, ``hash_similarity`` is 1 for none and 0 for half of them; both None where a picture is
    too plain for a hash. ``transform`` was done to the first to make the second, and is undone in all figures.
    ``mean_absolute_difference`` 0..255 and ``structural_similarity`` -1..1 compare grey pixels at one small size.
    """

    verdict: Verdict
    identical: bool
    similarity: float
    cosine: float
    hash_distance: int | None
    hash_similarity: float | None
    transform: Transform
    mean_absolute_difference: float
    structural_similarity: float
    sizes: tuple[tuple[int, int], tuple[int, int]]
    """(width, height) of each, in pixels."""

    def metrics(self) -> dict[str, Any]:
        """All of it as JSON values."""
        values = asdict(self)
        (width1, height1), (width2, height2) = values.pop("sizes")
        return values | {
            "size1": [width1, height1],
            "size2": [width2, height2],
            "same_size": (width1, height1) == (width2, height2),
            "pixel_ratio": round(width2 * height2 / (width1 * height1), 6),
            "aspect_ratio1": round(width1 / height1, 6),
            "aspect_ratio2": round(width2 / height2, 6),
        }


def compared(first: Raster, second: Raster, encode: Encode, threshold: float) -> Comparison:
    """Everything there is to say of two pictures; the threshold only makes the verdict. Raises ``ModelFailure``."""
    one, other = words(turned_hashes(first)), words([perceptual_hash(second)])
    (at,), (distance,) = transforms(one, other)
    told = bool(one[0].any() and other.any())
    straight = turned(first, TRANSFORMS[at])
    identical = first.digest == second.digest
    vectors = encode([straight, second])
    cosine = 1.0 if identical else float(np.clip(vectors[0] @ vectors[1], -1, 1))
    agreeing = bool(distance <= AGREEING_BITS)
    alike = max(0.0, float(similarity(cosine, agreeing)))
    verdict: Verdict = "different"
    if identical:
        verdict = "identical"
    elif alike >= threshold:
        verdict = "re-encoded" if agreeing else "similar"
    levels = _levels(straight, second)
    return Comparison(
        verdict=verdict,
        identical=identical,
        similarity=alike,
        cosine=round(cosine, 6),
        hash_distance=int(distance) if told else None,
        hash_similarity=max(0.0, 1 - int(distance) / _BITS_OF_UNLIKE) if told else None,
        transform=TRANSFORMS[at],
        mean_absolute_difference=round(float(np.abs(levels[0] - levels[1]).mean()), 4),
        structural_similarity=round(structural_similarity(*levels), 6),
        sizes=((first.width, first.height), (second.width, second.height)),
    )


def structural_similarity(one: Levels, other: Levels) -> float:
    """The mean structural similarity of two (H, W) pictures of levels 0..255: 1 for equal ones, 0 for unlike ones.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE Transactions on Image Processing 13 (2004): a Gaussian window of 11 pixels, whole windows only where there
    are any.
    """
    level, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean1, mean2 = _blurred(one), _blurred(other)
    variance1, variance2 = _blurred(one * one) - mean1 * mean1, _blurred(other * other) - mean2 * mean2
    covariance = _blurred(one * other) - mean1 * mean2
    found = (2 * mean1 * mean2 + level) * (2 * covariance + contrast)
    found /= (mean1 * mean1 + mean2 * mean2 + level) * (variance1 + variance2 + contrast)
    rim = _WINDOW // 2
    inner = found[rim:-rim, rim:-rim]
    return float((inner if inner.size else found).mean())


def _blurred(levels: Levels) -> Levels:
    return cv2.GaussianBlur(levels, (_WINDOW, _WINDOW), 1.5, borderType=cv2.BORDER_REFLECT).astype(
        np.float64, copy=False
    )


def _levels(first: Raster, second: Raster) -> tuple[Levels, Levels]:
    """Both in grey at one size, which is at most 256 pixels and no larger than either."""
    one, other = grey(first, _SIDE), grey(second, _SIDE)
    size = min(one.shape[1], other.shape[1]), min(one.shape[0], other.shape[0])
    fitted = [cv2.resize(levels, size, interpolation=cv2.INTER_AREA) for levels in (one, other)]
    return fitted[0].astype(np.float64), fitted[1].astype(np.float64)
