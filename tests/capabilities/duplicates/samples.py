"""Unit vectors in clusters, hashes, records, and photographs that were saved, sized and turned again."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from imagequarry.capabilities.duplicates.grouping import Pictures
from imagequarry.capabilities.duplicates.hashing import HASH_BYTES, Words
from imagequarry.domain.describing import Vectors
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.records import StoredImage

PHOTOS = ("astronaut", "camera", "cat", "clock", "coffee", "coins", "hubble_deep_field", "moon", "rocket")
NO_HASH = bytes(HASH_BYTES)


def unit(rows: NDArray[np.float64]) -> Vectors:
    """Rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def clustered(count: int, dimension: int = 160, clusters: int = 40, seed: int = 0) -> Vectors:
    """(N, D): clusters of every tightness, cosines of members from 0.7 to 1, and some rows that are the same."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, dimension)) + 0.7 * rng.normal(size=dimension)
    which = rng.integers(0, clusters, count)
    spread = rng.uniform(0, 0.7, (clusters, 1))[which]
    vectors = centres[which] + spread * rng.normal(size=(count, dimension))
    again = rng.integers(0, max(count, 1), (2, count // 20))
    vectors[again[0]] = vectors[again[1]]
    return unit(vectors)


def hashes(count: int, seed: int = 0, kinds: int = 200) -> Words:
    """(N, 4): hashes of some kinds with up to 90 bits flipped, and some that say nothing."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (kinds, 256))[rng.integers(0, kinds, count)]
    flipped = rng.random((count, 256)) < rng.uniform(0, 0.17, (count, 1))
    packed = np.packbits(bits ^ flipped, axis=1)
    packed[rng.random(count) < 0.1] = 0
    return np.ascontiguousarray(packed).view(np.uint64)


def record(
    name: str, digest: str | None = None, size: tuple[int, int] = (100, 100), size_bytes: int = 1000, age_days: int = 0
) -> StoredImage:
    """A picture with that id; ``digest`` is any text for its content, by default one that no other has."""
    content = hashlib.sha256((digest or f"only {name}").encode()).hexdigest()
    created = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=age_days)
    return StoredImage(name, content, f"{name}.jpg", "JPEG", *size, size_bytes, created_at=created)


def pictures(images: list[StoredImage], vectors: Vectors, words: Words | None = None) -> Pictures:
    """Pictures, by default without hashes."""
    return Pictures(images, vectors, np.zeros((len(images), 4), dtype=np.uint64) if words is None else words)


def angles(*degrees: float) -> Vectors:
    """Vectors in a plane, whose cosines are those of the angles between them."""
    radians = np.radians(np.array(degrees))
    return unit(np.stack([np.cos(radians), np.sin(radians)], axis=1))


def photo(name: str) -> Pixels:
    """(H, W, 3) of a photograph that comes with scikit-image."""
    pixels = np.asarray(getattr(skimage.data, name)(), dtype=np.uint8)
    return np.ascontiguousarray(np.stack([pixels] * 3, axis=-1) if pixels.ndim == 2 else pixels[..., :3])


def raster(pixels: Pixels, alpha: Pixels | None = None) -> Raster:
    """A picture whose digest is that of its pixels."""
    return Raster(pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), alpha)


def saved(pixels: Pixels, format: str = "JPEG", scale: float = 1.0, **options: int) -> Pixels:
    """The picture as it comes back from a file, smaller or larger."""
    image = Image.fromarray(pixels)
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    file = io.BytesIO()
    image.save(file, format, **options)
    return np.asarray(Image.open(file).convert("RGB"))
