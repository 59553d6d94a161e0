"""Perceptual hashes: 256 bits that stay nearly the same when a picture is re-encoded, resized or toned."""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.raster import Pixels, Raster

HASH_BYTES = 32
HASH_BITS = 8 * HASH_BYTES
SAYS_NOTHING = bytes(HASH_BYTES)
"""The hash of a picture too plain for one, such as a blank page: it agrees with no other, not even with itself."""

AGREEING_BITS = 64
"""Hashes agree when at most this many bits differ: a re-encoded picture reaches 46, of unlike ones few go below 90."""

Words = NDArray[np.uint64]
"""(N, 4): hashes, 64 bits in each number."""

Transform = Literal[
    "none",
    "rotated-90",
    "rotated-180",
    "rotated-270",
    "mirrored",
    "mirrored-rotated-90",
    "mirrored-rotated-180",
    "mirrored-rotated-270",
]
"""What was done to a picture: mirrored left to right first, then turned clockwise by so many degrees."""

TRANSFORMS: tuple[Transform, ...] = get_args(Transform)

_SIDE = 64
_SHRUNK = 256
# Of the 256 frequencies half must stand out from their median by this many grey levels (orthonormal transform), or
# rounding and JPEG noise decide most bits. Photographs reach 5 to 60, a blank page or an even gradient stays below 0.6.
_LEAST_CONTRAST = 1.0


def perceptual_hash(raster: Raster) -> bytes:
    """32 bytes; ``SAYS_NOTHING`` for a picture too plain to be told from other plain ones.

    The DCT hash of ImageHash, ``phash(hash_size=16)``, of the grey picture; transparent pixels count as white.
    """
    return _hashed(_small_grey(raster))


def turned_hashes(raster: Raster) -> list[bytes]:
    """The hash of the picture after each of ``TRANSFORMS``, in their order; the first is ``perceptual_hash``."""
    grey = _small_grey(raster)
    return [_hashed(_turned(grey, transform)) for transform in TRANSFORMS]


def turned(raster: Raster, transform: Transform) -> Raster:
    """The picture after the transform; its digest is derived from the picture's, so that caches keep them apart."""
    if transform == "none":
        return raster
    rgb = _turned(raster.rgb, transform)
    rgb.flags.writeable = False
    alpha = None if raster.alpha is None else _turned(raster.alpha, transform)
    return Raster(rgb, hashlib.sha256(f"{raster.digest} {transform}".encode()).hexdigest(), alpha)


def grey(raster: Raster, longest: int) -> Pixels:
    """(H, W) uint8 over white; a side longer than ``longest`` is shrunk to that, whatever becomes of the shape."""
    rgb = raster.rgb
    size = min(raster.width, longest), min(raster.height, longest)
    if size != (raster.width, raster.height):
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    levels = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if raster.alpha is not None:
        alpha = cv2.resize(raster.alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        levels = np.rint(levels * alpha + 255 * (1 - alpha))
    return levels.astype(np.uint8)


def words(hashes: list[bytes]) -> Words:
    """The hashes as numbers whose bits can be counted at once."""
    return np.frombuffer(b"".join(hashes), dtype=np.uint64).reshape(-1, HASH_BYTES // 8)


def distances(one: Words, other: Words) -> NDArray[np.int64]:
    """In how many of 256 bits hashes differ; the arrays are broadcast but for their last axis.

    ``HASH_BITS`` where either says nothing.
    """
    differing = np.bitwise_count(one ^ other).sum(-1, dtype=np.int64)
    telling = one.any(-1) & other.any(-1)
    found: NDArray[np.int64] = np.where(telling, differing, HASH_BITS)
    return found


def transforms(asked: Words, others: Words) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """What was done to one picture to make each of N others: the index of the transform, and the hashes' distance.

    ``asked`` are its ``turned_hashes``. A transform is believed when it makes hashes agree that did not.
    """
    found = np.stack([distances(one, others) for one in asked])
    nearest = found.argmin(axis=0)
    chosen = np.where((found[0] > AGREEING_BITS) & (found.min(axis=0) <= AGREEING_BITS), nearest, 0)
    return chosen, np.take_along_axis(found, chosen[None], axis=0)[0]


def _small_grey(raster: Raster) -> Pixels:
    """(64, 64), by way of a smaller picture: OpenCV averages a large one faster than Pillow filters it."""
    from PIL import Image

    shrunk = Image.fromarray(grey(raster, _SHRUNK))
    return np.asarray(shrunk.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))


def _hashed(levels: Pixels) -> bytes:
    if _contrast(levels) < _LEAST_CONTRAST:
        return SAYS_NOTHING
    # Slow to import, for it brings SciPy and PyWavelets.
    import imagehash
    from PIL import Image

    return np.packbits(imagehash.phash(Image.fromarray(levels), hash_size=16).hash).tobytes()


def _contrast(levels: Pixels) -> float:
    low = cv2.dct(levels.astype(np.float32))[:16, :16]
    return float(np.median(np.abs(low - np.median(low))))


def _turned(pixels: Pixels, transform: Transform) -> Pixels:
    at = TRANSFORMS.index(transform)
    mirrored = pixels[:, ::-1] if at >= 4 else pixels
    return np.ascontiguousarray(np.rot90(mirrored, -(at % 4)))
