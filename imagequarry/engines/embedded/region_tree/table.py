"""The table of regions: every node of the trees that is large enough to be meant by someone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Bytes, Floats, Ints
from imagequarry.engines.embedded.region_tree.figures import figures
from imagequarry.engines.embedded.region_tree.graph import Doubles
from imagequarry.engines.embedded.region_tree.leaves import Leaves
from imagequarry.engines.embedded.region_tree.merge import Tree

SMALLEST = 0.0012
TREE_FIGURES = ("log persistence", "log share of the parent", "trees that agree")


@dataclass(frozen=True, slots=True)
class Table:
    """K regions, small ones first, the whole picture last: ``area`` (K,) and ``box`` (K, 4) in working pixels.

    ``bits`` (K, n / 8) tell which of the n leaves a region holds, eight to a byte. ``figures`` (K, ...) are the
    leaves' FIGURES and then the TREE_FIGURES; ``stability`` (K,), 0..1, is the part of the merging costs up to its
    parent's over which a region stays as it is.
    """

    leaves: int
    bits: Bytes
    area: Floats
    box: Floats
    figures: Floats
    stability: Floats

    @property
    def nbytes(self) -> int:
        return sum(x.nbytes for x in (self.bits, self.area, self.box, self.figures, self.stability))

    def around(self, leaf: int) -> Ints:
        """The rows that hold a leaf."""
        return np.flatnonzero(self.bits[:, leaf >> 3] & (1 << (leaf & 7)))

    def sets(self, rows: Ints | slice = slice(None)) -> Bool:
        """Which leaves some regions hold, (k, n)."""
        return np.unpackbits(self.bits[rows], axis=1, count=self.leaves, bitorder="little").view(np.bool_)


def tabulate(leaves: Leaves, trees: Sequence[Tree]) -> Table:
    """All different regions of the trees with at least SMALLEST of the picture's area."""
    # a set of leaves is known by the sum of its leaves' random numbers: equal sets of different trees are found fast
    mark = np.random.default_rng(0).integers(0, 1 << 40, leaves.count)
    parts = [_nodes(leaves, tree, mark) for tree in trees]
    name, area, box, described, lives, bits = (np.concatenate(part) for part in zip(*parts, strict=True))
    _, first, agree = np.unique(name, return_index=True, return_counts=True)
    ascending = np.argsort(area[first], kind="stable")
    first, agree = first[ascending], agree[ascending]
    all_figures = np.column_stack([described[first], lives[first], agree / len(trees)])
    return Table(
        leaves.count,
        bits[first],
        area[first].astype(np.float32),
        box[first].astype(np.float32),
        all_figures.astype(np.float32),
        (1 - np.exp(-lives[first, 0])).astype(np.float32),
    )


def _nodes(leaves: Leaves, tree: Tree, mark: Ints) -> tuple[Ints, Floats, Floats, Floats, Doubles, Bytes]:
    """Of the nodes of one tree that are large enough: name, area, box, figures, lives, bits."""
    n = leaves.count

    running = np.concatenate([np.zeros((1, leaves.sums.shape[1])), np.cumsum(leaves.sums[tree.order], 0, np.float64)])
    sums = running[tree.last] - running[tree.first]
    marks = np.concatenate([[0], np.cumsum(mark[tree.order])])
    kept = np.flatnonzero(sums[:, 0] >= SMALLEST * leaves.label.size)
    # one pair of bounds for every node: the entries between two pairs are thrown away
    spans = np.stack([tree.first, np.minimum(tree.last, n - 1)], 1).ravel()
    ordered = leaves.box[tree.order]
    low, high = np.minimum.reduceat(ordered[:, :2], spans)[::2], np.maximum.reduceat(ordered[:, 2:], spans)[::2]
    reaches_end = tree.last == n
    low = np.where(reaches_end[:, None], np.minimum(low, ordered[-1, :2]), low)
    high = np.where(reaches_end[:, None], np.maximum(high, ordered[-1, 2:]), high)
    box = np.concatenate([low, high], 1)
    place = np.empty(n, np.int64)
    place[tree.order] = np.arange(n)
    member = (tree.first[kept, None] <= place) & (place < tree.last[kept, None])
    return (
        (marks[tree.last] - marks[tree.first])[kept],
        sums[kept, 0].astype(np.float32),
        box[kept],
        figures(sums.astype(np.float32), _inner(leaves, tree), box, leaves.label.shape)[kept],
        _lives(tree, sums[:, 0])[kept],
        np.packbits(member, axis=1, bitorder="little"),
    )


def _inner(leaves: Leaves, tree: Tree) -> Floats:
    """The arc sums inside each node: those of the arcs whose two regions meet in it or below it."""
    one, two = leaves.arcs.a.copy(), leaves.arcs.b.copy()
    active = np.arange(len(one))
    while len(active):
        # a node's number is less than its parent's: of two different nodes the lower one goes up
        a, b = one[active], two[active]
        lower = a < b
        one[active], two[active] = np.where(lower, tree.parent[a], a), np.where(lower, b, tree.parent[b])
        active = active[one[active] != two[active]]
    nodes = len(tree.parent)
    met = np.stack([np.bincount(one, value, nodes) for value in leaves.arc_sums.T], 1)
    # nodes are intervals and a parent comes after its children: summed in order of number, all below is complete
    for node, parent in enumerate(tree.parent[:-1].tolist()):
        if node >= leaves.count:
            met[parent] += met[node]
    return met.astype(np.float32)


def _lives(tree: Tree, area: Doubles) -> Doubles:
    """Of each node: log(cost at which it ends / cost at which it was made), log(its share of its parent)."""
    made = np.maximum(tree.height, 1e-3)
    ends = made[tree.parent]
    ends[-1] = 1.5 * made[-1]
    whole = area[tree.parent]
    whole[-1] = area[-1]
    return np.stack([np.log(ends / made), np.log(area / whole)], 1)
