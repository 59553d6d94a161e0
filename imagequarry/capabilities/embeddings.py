"""The embedding of a picture: from memory, from disk, or computed once for all who ask at the same time."""

from __future__ import annotations

from typing import Any

from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import PacksEmbeddings
from imagequarry.models.cache import ByteCache, CacheFigures, EmbeddingKey
from imagequarry.models.embedding_store import EmbeddingFolder
from imagequarry.models.registry import Leased


class Embeddings:
    """Embeddings in memory, and on disk where there is a folder for them and the engine can pack them."""

    def __init__(self, memory: ByteCache[EmbeddingKey, Any], disk: EmbeddingFolder | None = None) -> None:
        self._memory = memory
        self._disk = disk

    def of(self, image: Raster, leased: Leased) -> Any:
        """What the leased engine's prompts on the picture need."""
        key = leased.key(image.digest)
        return self._memory.get(key, lambda: self._made(key, image, leased))

    def figures(self) -> CacheFigures:
        """How those in memory are doing."""
        return self._memory.figures()

    def _made(self, key: EmbeddingKey, image: Raster, leased: Leased) -> Any:
        kept = self._from_disk(key, leased)
        return self._computed(key, image, leased) if kept is None else kept

    def _from_disk(self, key: EmbeddingKey, leased: Leased) -> Any | None:
        if self._disk is None or not isinstance(leased.engine, PacksEmbeddings):
            return None
        packed = self._disk.get(key)
        if packed is None:
            return None
        try:
            return leased.engine.unpack(packed)
        except ValueError:
            self._disk.drop(key)
            return None

    def _computed(self, key: EmbeddingKey, image: Raster, leased: Leased) -> Any:
        with leased.timed("embed"):
            embedding = leased.engine.embed(image)
        if self._disk is not None and isinstance(leased.engine, PacksEmbeddings):
            self._disk.put(key, leased.engine.pack(embedding))
        return embedding
