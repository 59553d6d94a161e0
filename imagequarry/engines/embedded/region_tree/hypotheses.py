"""What could be meant: sets of leaves with the figures that tell how likely each is, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats, Ints

APART = 0.8


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """k sets of leaves: ``sets`` (k, n), ``area`` (k,) in working pixels, ``figures`` (k, f) for a head."""

    sets: Bool
    area: Floats
    figures: Floats


def overlaps(sets: Bool, others: Bool, leaf_area: Floats) -> Floats:
    """Intersection over union of every set (k, n) with every other (m, n), as (k, m)."""
    one, two = sets.astype(np.float32), others.astype(np.float32)
    common = (one * leaf_area) @ two.T
    return np.asarray(common / np.maximum((one @ leaf_area)[:, None] + two @ leaf_area - common, 1), np.float32)


def unlike(sets: Bool) -> Ints:
    """The places of the first of all equal sets among (k, n), in ascending order; empty sets are left out."""
    # a set is known by the sum of its leaves' random numbers
    name = sets.astype(np.float64) @ np.random.default_rng(0).random(sets.shape[1])
    _, first = np.unique(name, return_index=True)
    return np.sort(first[name[first] > 0])


def distinct(hypotheses: Hypotheses, score: Floats, leaf_area: Floats, wanted: int = 3) -> Ints:
    """The best-scored and those next in score that overlap less than APART with all taken before.

    Where too few differ that much, those that differ at all make up the number.
    """
    order = np.argsort(-score, kind="stable")[:120]
    alike = overlaps(hypotheses.sets[order], hypotheses.sets[order], leaf_area)
    taken: list[int] = []
    for limit in (APART, 0.9, 0.999):
        for i in range(len(order)):
            if len(taken) < wanted and i not in taken and all(alike[i, j] < limit for j in taken):
                taken.append(i)
    return order[sorted(taken)]
