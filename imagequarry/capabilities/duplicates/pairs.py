"""All pairs of pictures that are like each other, exactly, without comparing every pair at full length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.duplicates.hashing import AGREEING_BITS, HASH_BITS, HASH_BYTES, Words, distances
from imagequarry.domain.describing import Vectors
from imagequarry.errors import InvalidInput

MOST_PAIRS = 2_000_000

Indices = NDArray[np.intp]

_DOUBT_LEFT = 1 / 3
_BLOCK = 1024
_PREFIX = 63
_SAMPLE = 4096
# Rounding of float32 products and of the prefix's directions; a bound that is too high only costs a second look.
_SLACK = 2e-5
# A block is multiplied out where more than this share of it needs a second look: about as dear then.
_WORTH_A_LOOK = 0.01
_GATHERED = 8192


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows with their similarity, 0..1, and whether their hashes agree; four arrays of one length."""

    first: Indices
    second: Indices
    similarity: NDArray[np.float64]
    agreeing: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)

    def only(self, kept: NDArray[Any] | slice) -> Pairs:
        """The pairs that a mask, indices or a slice picks."""
        return Pairs(self.first[kept], self.second[kept], self.similarity[kept], self.agreeing[kept])


def similarity(cosine: Any, agreeing: Any) -> NDArray[np.float64]:
    """What is compared with a threshold, to six decimals: the cosine of two pictures' vectors, or, where a second
    witness, their hashes, says that they are the same picture, a third of the way from 1 to that cosine.
    """
    cosine = np.asarray(cosine, dtype=np.float64)
    found: NDArray[np.float64] = np.round(np.where(agreeing, 1 - _DOUBT_LEFT * (1 - cosine), cosine), 6)
    return found


def near_pairs(vectors: Vectors, threshold: float, hashes: Words | None = None, most: int = MOST_PAIRS) -> Pairs:
    """Every pair of rows i < j whose similarity reaches the threshold, sorted by i, then j.

    Without hashes the similarity is the cosine. Raises ``InvalidInput`` when there are more than ``most`` pairs.
    """
    pairs = Likeness(vectors, hashes, threshold).pairs(most)
    if pairs is None:
        raise InvalidInput(f"More than {most:,} pairs are that much alike; ask with a higher threshold.")
    return pairs.only(np.lexsort((pairs.second, pairs.first)))


class Likeness:
    """Who is like whom among N pictures, found a block of pairs at a time.

    ``vectors`` (N, D) of length 1 each; ``rows`` picks some of them, ``hashes`` has a row for each picked one.
    """

    def __init__(self, vectors: Vectors, hashes: Words | None, threshold: float, rows: Indices | None = None) -> None:
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._rows = np.arange(len(vectors)) if rows is None else rows
        self._hashes = hashes
        self._threshold = threshold
        # No pair below this cosine can reach the threshold, whatever its hashes say.
        self._floor = threshold if hashes is None else 1 - (1 - threshold) / _DOUBT_LEFT
        self._prefixes = self._shortened()

    def __len__(self) -> int:
        return len(self._rows)

    def pairs(self, most: int = MOST_PAIRS) -> Pairs | None:
        """Every pair, in no order; None instead of more than ``most``, so that memory stays bounded."""
        kept: list[Pairs] = []
        count = 0
        for start in range(0, len(self), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(self)))
            for found in self._blocks(rows, start):
                later = found.only(found.first < found.second)
                kept.append(later)
                count += len(later)
                if count > most:
                    return None
        return _joined(kept)

    def of(self, rows: Indices) -> Pairs:
        """Some pictures, in rising order, each with all that are like it; sorted by ``first``."""
        found = _joined([found.only(found.first != found.second) for found in self._blocks(rows, 0)])
        return found.only(np.argsort(found.first, kind="stable"))

    def _blocks(self, rows: Indices, start: int) -> Iterator[Pairs]:
        """Pairs of the rows with all pictures from ``start`` on."""
        for column in range(start, len(self), _BLOCK):
            columns = np.arange(column, min(column + _BLOCK, len(self)))
            found = self._sparse(rows, columns)
            if found is None:
                found = self._dense(rows, columns)
            yield Pairs(rows[found.first], columns[found.second], found.similarity, found.agreeing)

    def _sparse(self, rows: Indices, columns: Indices) -> Pairs | None:
        """The pairs by their prefixes first; None where too many of them would need a second look."""
        if self._prefixes is None:
            return None
        bounds = self._prefixes[rows] @ self._prefixes[columns].T
        at = np.flatnonzero(bounds >= self._floor - _SLACK)
        if at.size <= _WORTH_A_LOOK * bounds.size:
            first, second = np.divmod(at, len(columns))
            agreeing = self._agreeing(rows[first], columns[second])
        else:
            likely, together = self._likely(bounds, rows, columns)
            at = np.flatnonzero(likely)
            if at.size > _WORTH_A_LOOK * bounds.size:
                return None
            first, second = np.divmod(at, len(columns))
            agreeing = together.ravel()[at]
        hopeful = similarity(bounds.ravel()[at], agreeing) >= self._threshold - _SLACK
        first, second, agreeing = first[hopeful], second[hopeful], agreeing[hopeful]
        found = similarity(self._cosines(rows[first], columns[second]), agreeing)
        return Pairs(first, second, found, agreeing).only(found >= self._threshold)

    def _dense(self, rows: Indices, columns: Indices) -> Pairs:
        cosines = self._vectors[self._rows[rows]] @ self._vectors[self._rows[columns]].T
        likely, together = self._likely(cosines, rows, columns)
        at = np.flatnonzero(likely)
        first, second = np.divmod(at, len(columns))
        agreeing = together.ravel()[at]
        found = similarity(cosines.ravel()[at], agreeing)
        return Pairs(first, second, found, agreeing).only(found >= self._threshold)

    def _likely(
        self, cosines: NDArray[np.float32], rows: Indices, columns: Indices
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of a whole block: which pairs would reach the threshold with these cosines, and whose hashes agree."""
        likely = cosines >= self._threshold - _SLACK
        if self._hashes is None:
            return likely, np.zeros_like(likely)
        products = _signs(self._hashes[rows]) @ _signs(self._hashes[columns]).T
        agreeing = products >= HASH_BITS - 2 * AGREEING_BITS
        return likely | (agreeing & (cosines >= self._floor - _SLACK)), agreeing

    def _agreeing(self, first: Indices, second: Indices) -> NDArray[np.bool_]:
        if self._hashes is None:
            return np.zeros(first.size, dtype=bool)
        return distances(self._hashes[first], self._hashes[second]) <= AGREEING_BITS

    def _cosines(self, first: Indices, second: Indices) -> NDArray[np.float32]:
        found = np.empty(first.size, dtype=np.float32)
        for start in range(0, first.size, _GATHERED):
            part = slice(start, start + _GATHERED)
            one, other = self._vectors[self._rows[first[part]]], self._vectors[self._rows[second[part]]]
            np.einsum("nd,nd->n", one, other, out=found[part])
        return found

    def _shortened(self) -> NDArray[np.float32] | None:
        """(N, 64): each vector along the 63 main directions of a sample, and the length of what is left of it.

        Of two rows so shortened the product is never less than the cosine (Cauchy-Schwarz for what is left), so that
        a product below the threshold settles a pair. None where vectors are too few or too short to gain by it.
        """
        dimension = self._vectors.shape[1]
        if len(self) < 2 * _BLOCK or dimension < 2 * _PREFIX:
            return None
        sample = self._vectors[self._rows[:: -(-len(self) // _SAMPLE)]]
        _, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
        main = np.ascontiguousarray(directions[:, -_PREFIX:], dtype=np.float32)
        prefixes = np.empty((len(self), _PREFIX + 1), dtype=np.float32)
        for start in range(0, len(self), _BLOCK):
            vectors = self._vectors[self._rows[start : start + _BLOCK]]
            along = vectors @ main
            left = np.einsum("nd,nd->n", vectors, vectors) - np.einsum("nd,nd->n", along, along)
            prefixes[start : start + _BLOCK, :_PREFIX] = along
            # Never less than what is left, however the difference was rounded.
            prefixes[start : start + _BLOCK, _PREFIX] = np.sqrt(np.maximum(left, 0) + 1e-6)
        return prefixes


def _signs(hashes: Words) -> NDArray[np.float32]:
    """(N, 256) of -1 and 1, so that a product is 256 less twice the distance; zeros where the hash says nothing."""
    bits = np.unpackbits(np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, HASH_BYTES), axis=1)
    signs = 2 * bits.astype(np.float32) - 1
    signs[~hashes.any(1)] = 0
    return signs


def _joined(parts: list[Pairs]) -> Pairs:
    if not parts:
        none = np.empty(0, dtype=np.intp)
        return Pairs(none, none, np.empty(0), np.empty(0, dtype=bool))
    return Pairs(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        np.concatenate([part.agreeing for part in parts]),
    )
