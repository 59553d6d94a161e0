"""The table of regions: every node of the trees that is large enough to be meant by someone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats, Ints
from imagequarry.engines.embedded.region_tree.graph import Doubles
from imagequarry.engines.embedded.region_tree.leaves import Leaves
from imagequarry.engines.embedded.region_tree.merge import Tree

SMALLEST = 0.0012
TREE_FIGURES = ("log persistence", "log share of the parent", "trees that agree")


@dataclass(frozen=True, slots=True)
class Table:
    """K regions: ``member`` (K, n) which leaves each holds, ``area`` (K,) and ``box`` (K, 4) in working pixels.

    ``figures`` (K, ...) are the leaves' FIGURES and then the TREE_FIGURES; ``stability`` (K,), 0..1, is the part of
    the merging costs up to its parent's over which a region stays as it is. The last row is the whole picture.
    """

    member: Bool
    area: Floats
    box: Floats
    figures: Floats
    stability: Floats

    @property
    def nbytes(self) -> int:
        return sum(x.nbytes for x in (self.member, self.area, self.box, self.figures, self.stability))

    def around(self, leaf: int) -> Ints:
        """The rows that hold a leaf."""
        return np.flatnonzero(self.member[:, leaf])


def tabulate(leaves: Leaves, trees: Sequence[Tree]) -> Table:
    """All different regions of the trees with at least SMALLEST of the picture's area, small ones first."""
    rng = np.random.default_rng(0)
    # a set of leaves is known by the sum of its leaves' random numbers: equal sets from different trees are found fast
    mark = rng.integers(0, 1 << 40, leaves.count)
    rows: list[Bool] = []
    names: list[Ints] = []
    lives: list[Doubles] = []
    for tree in trees:
        ordered = np.concatenate([[0], np.cumsum(leaves.area[tree.order], dtype=np.float64)])
        area = ordered[tree.last] - ordered[tree.first]
        kept = np.flatnonzero(area >= SMALLEST * leaves.label.size)
        marks = np.concatenate([[0], np.cumsum(mark[tree.order])])
        place = np.empty(leaves.count, np.int64)
        place[tree.order] = np.arange(leaves.count)
        rows.append((tree.first[kept, None] <= place) & (place < tree.last[kept, None]))
        names.append((marks[tree.last] - marks[tree.first])[kept])
        lives.append(_lives(tree, area)[kept])
    _, first, agree = np.unique(np.concatenate(names), return_index=True, return_counts=True)
    member, life = np.concatenate(rows)[first], np.concatenate(lives)[first]
    area = member.astype(np.float32) @ leaves.area
    ascending = np.argsort(area, kind="stable")
    member, life, agree, area = member[ascending], life[ascending], agree[ascending], area[ascending]
    stability = (1 - np.exp(-life[:, 0])).astype(np.float32)
    figures = np.column_stack([leaves.describe(member), life, agree / len(trees)]).astype(np.float32)
    return Table(member, area, leaves.bounds(member), figures, stability)


def _lives(tree: Tree, area: Doubles) -> Doubles:
    """Of each node: log(cost at which it ends / cost at which it was made), log(its share of its parent)."""
    made = np.maximum(tree.height, 1e-3)
    ends = made[tree.parent]
    ends[-1] = 1.5 * made[-1]
    whole = area[tree.parent]
    whole[-1] = area[-1]
    return np.stack([np.log(ends / made), np.log(area / whole)], 1)
