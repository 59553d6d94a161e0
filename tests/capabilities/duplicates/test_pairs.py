"""Pairs that are alike, found by blocks and bounds, are those that comparing every pair finds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from imagequarry.capabilities.duplicates.hashing import AGREEING_BITS, Words, distances
from imagequarry.capabilities.duplicates.pairs import Likeness, near_pairs, similarity
from imagequarry.domain.describing import Vectors
from imagequarry.errors import InvalidInput
from tests.capabilities.duplicates.samples import clustered, hashes, unit

# What float32 may be wrong by: a pair that is nearer to the threshold may be found or not.
ROUNDING = 1e-6


def every_pair(vectors: Vectors, words: Words | None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, N) similarities of all pairs, compared in full, in float64, and whether their hashes agree."""
    exact = vectors.astype(np.float64)
    agreeing = np.zeros((len(exact), len(exact)), dtype=bool)
    if words is not None:
        agreeing = distances(words[:, None], words[None]) <= AGREEING_BITS
    return similarity(exact @ exact.T, agreeing), agreeing


def agree(vectors: Vectors, threshold: float, words: Words | None = None) -> int:
    """Check the found pairs against all pairs; how many there are."""
    alike, agreeing = every_pair(vectors, words)
    found = near_pairs(vectors, threshold, words, most=10_000_000)
    at = found.first, found.second
    assert np.all(np.diff(found.first * len(vectors) + found.second) > 0)
    assert np.all(found.first < found.second)
    assert np.all(found.similarity >= threshold)
    assert np.all(alike[at] >= threshold - ROUNDING)
    assert np.allclose(found.similarity, alike[at], rtol=0, atol=2 * ROUNDING)
    assert np.array_equal(found.agreeing, agreeing[at])
    missed = np.triu(alike >= min(threshold + ROUNDING, 1.0), 1)
    missed[at] = False
    assert not missed.any()
    return len(found)


@pytest.mark.parametrize("threshold", [1.0, 0.999, 0.98, 0.95, 0.9, 0.8, 0.5])
def test_pairs_among_three_thousand_are_those_of_comparing_all(threshold: float) -> None:
    assert agree(clustered(3000), threshold) > 50
    assert agree(clustered(3000), threshold, hashes(3000)) > 50


def test_hashes_that_agree_add_pairs_and_only_those_whose_vectors_are_near_enough() -> None:
    vectors, words = clustered(2500), hashes(2500)
    alone, together = near_pairs(vectors, 0.95), near_pairs(vectors, 0.95, words)
    added = {*zip(together.first, together.second, strict=True)} - {*zip(alone.first, alone.second, strict=True)}
    assert added
    cosines = [float(vectors[i] @ vectors[j]) for i, j in added]
    assert 0.85 - 1e-5 <= min(cosines) < max(cosines) < 0.95


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1023, 1024, 1025, 2047, 2048, 2049])
def test_any_number_of_pictures_will_do(count: int) -> None:
    agree(clustered(count), 0.93, hashes(count))


def test_random_directions_are_no_pairs() -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(3000, 256)))
    assert agree(vectors, 0.9) == 0


def test_random_directions_at_a_low_threshold_are_found_without_the_bound_being_of_any_help() -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(2200, 160)))
    assert agree(vectors, 0.25) > 1000


def test_vectors_that_are_all_the_same_are_all_pairs() -> None:
    vectors = np.repeat(clustered(1, 512), 2100, axis=0)
    found = near_pairs(vectors, 1.0, most=3_000_000)
    assert len(found) == 2100 * 2099 // 2
    assert set(found.similarity.tolist()) == {1.0}


def test_vectors_that_all_lie_in_a_few_directions_lose_no_pair_to_rounding() -> None:
    few = np.zeros((2500, 300))
    few[:, :3] = np.random.default_rng(5).normal(size=(2500, 3))
    assert agree(unit(few), 0.999) > 50


def test_a_short_vector_needs_no_bound() -> None:
    assert agree(unit(np.random.default_rng(1).normal(size=(2200, 3))), 0.9999) > 50


def test_too_many_pairs_are_refused_with_a_sentence() -> None:
    with pytest.raises(InvalidInput, match="More than 1,000 pairs"):
        near_pairs(np.repeat(clustered(1), 100, axis=0), 0.9, most=1000)


def test_the_neighbours_of_some_are_their_pairs_in_the_list() -> None:
    vectors, words = clustered(2300), hashes(2300)
    likeness = Likeness(vectors, words, 0.9)
    pairs = likeness.pairs()
    assert pairs is not None
    rows = np.array([0, 5, 1024, 2299])
    expected = sorted(
        {(i, j) for i, j in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True) if i in rows}
        | {(j, i) for i, j in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True) if j in rows}
    )
    found = likeness.of(rows)
    assert expected
    assert sorted(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    assert found.first.tolist() == sorted(found.first.tolist())


def test_only_the_chosen_rows_are_compared() -> None:
    vectors = clustered(2600)
    rows = np.arange(2500, 100, -1)
    pairs = Likeness(vectors, None, 0.9, rows).pairs()
    assert pairs is not None
    found = {frozenset((int(rows[i]), int(rows[j]))) for i, j in zip(pairs.first, pairs.second, strict=True)}
    everywhere = near_pairs(vectors, 0.9)
    among = np.isin(everywhere.first, rows) & np.isin(everywhere.second, rows)
    expected = zip(everywhere.first[among].tolist(), everywhere.second[among].tolist(), strict=True)
    assert found == {frozenset(pair) for pair in expected}
    assert 100 < len(found) < len(everywhere)


def test_the_similarity_is_the_cosine_or_where_hashes_agree_a_third_of_the_way_to_it() -> None:
    assert similarity([0.94, 0.94, 1.0], [False, True, True]).tolist() == [0.94, 0.98, 1.0]
