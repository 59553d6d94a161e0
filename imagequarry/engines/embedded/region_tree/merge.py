"""Trees of regions: touching regions are merged, the most alike first, until one is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Ints
from imagequarry.engines.embedded.region_tree.graph import Doubles
from imagequarry.engines.embedded.region_tree.leaves import Leaves, probably_one


@dataclass(frozen=True, slots=True)
class Taste:
    """What makes two regions unlike: cost = (strength^edge + colour chi2 + kind step) * area^size * contact^-contact.

    ``colour`` and ``kind`` weigh their terms; ``area`` is the harmonic area as a share of the picture, ``contact`` the
    common share of the smaller outline.
    """

    edge: float = 0.5
    colour: float = 0.6
    kind: float = 1.0
    size: float = 0.4
    contact: float = 0.25


@dataclass(frozen=True, slots=True)
class Tree:
    """A binary tree over n regions; node k < n is region k, later nodes come after their children, the root last.

    ``parent`` (2n-1,), -1 at the root. ``height`` is the cost at which a node was made, never less than its
    children's. Node k holds the regions ``order[first[k]:last[k]]``.
    """

    parent: Ints
    height: Doubles
    order: Ints
    first: Ints
    last: Ints


def merge(leaves: Leaves, taste: Taste) -> Tree:
    """Merge all leaves.

    In each round the cheaper half of those pairs is merged that are each other's best partner: nearly the tree that
    merging strictly one by one would give, at a fraction of its time.
    """
    n, arcs = leaves.count, leaves.arcs
    size = np.concatenate([leaves.area, np.zeros(n - 1)]).astype(np.float64)
    traits = np.concatenate([leaves.colour / leaves.area[:, None], leaves.kind], 1)
    traits = np.concatenate([traits, np.zeros((n - 1, traits.shape[1]), np.float32)])
    words, whole = leaves.colour.shape[1], float(leaves.area.sum())
    outline = np.zeros(2 * n - 1)
    outline[:n] = np.bincount(arcs.a, arcs.length, n) + np.bincount(arcs.b, arcs.length, n)
    height = np.zeros(2 * n - 1)
    children = np.zeros((n - 1, 2), np.int64)

    def cost(a: Ints, b: Ints, length: Doubles, strength: Doubles) -> Doubles:
        p, q = traits[a], traits[b]
        squared = (p - q) ** 2
        colours = (squared[:, :words] / (p[:, :words] + q[:, :words] + np.float32(1e-9))).sum(1) / 2
        kinds = 1 - probably_one(squared[:, words:].sum(1))
        apart = taste.colour * colours + taste.kind * kinds
        harmonic = size[a] * size[b] / (size[a] + size[b]) / whole
        contact = length / np.minimum(outline[a], outline[b])
        return np.asarray(
            ((strength / length) ** taste.edge + apart) * harmonic**taste.size * contact**-taste.contact, np.float64
        )

    a, b = arcs.a, arcs.b
    length = arcs.length.astype(np.float64)
    strength = arcs.strength * length
    price = cost(a, b, length, strength)
    made = n
    while made < 2 * n - 1:
        # ties are broken by place, so that no region has two best partners
        rank = np.empty(len(price), np.int64)
        rank[np.argsort(price, kind="stable")] = np.arange(len(price))
        best = np.full(made, len(price))
        np.minimum.at(best, a, rank)
        np.minimum.at(best, b, rank)
        mutual = np.flatnonzero((best[a] == rank) & (best[b] == rank))
        mutual = mutual[np.argsort(rank[mutual])][: (len(mutual) + 1) // 2]
        one, two = a[mutual], b[mutual]
        new = np.arange(made, made + len(mutual))
        made += len(mutual)
        children[new - n] = np.stack([one, two], 1)
        height[new] = np.maximum(price[mutual], np.maximum(height[one], height[two]))
        size[new] = size[one] + size[two]
        part = (size[one] / size[new])[:, None].astype(np.float32)
        traits[new] = part * traits[one] + (1 - part) * traits[two]
        outline[new] = outline[one] + outline[two] - 2 * length[mutual]
        a, b, length, strength, price, stale = _joined(a, b, length, strength, price, one, two, new)
        price[stale] = cost(a[stale], b[stale], length[stale], strength[stale])
    return _laid_out(children, height)


def _joined(
    a: Ints, b: Ints, length: Doubles, strength: Doubles, price: Doubles, one: Ints, two: Ints, new: Ints
) -> tuple[Ints, Ints, Doubles, Doubles, Doubles, Ints]:
    """The arcs after ``one`` and ``two`` became ``new``; parallel arcs are added up. Last: which need a new price."""
    top = int(new[-1]) + 1
    name = np.arange(top)
    name[one] = name[two] = new
    changed = np.zeros(top, np.bool_)
    changed[new] = True
    a, b = name[a], name[b]
    kept = a != b
    a, b, length, strength, price = a[kept], b[kept], length[kept], strength[kept], price[kept]
    moved = changed[a] | changed[b]
    low, high = np.minimum(a[moved], b[moved]), np.maximum(a[moved], b[moved])
    key, place = np.unique(low * top + high, return_inverse=True)
    still = ~moved
    return (
        np.concatenate([a[still], key // top]),
        np.concatenate([b[still], key % top]),
        np.concatenate([length[still], np.bincount(place, length[moved], len(key))]),
        np.concatenate([strength[still], np.bincount(place, strength[moved], len(key))]),
        np.concatenate([price[still], np.zeros(len(key))]),
        np.arange(int(still.sum()), int(still.sum()) + len(key)),
    )


def _laid_out(children: Ints, height: Doubles) -> Tree:
    """The tree with its regions put in a row, so that every node is an interval of it."""
    n = len(children) + 1
    parent = np.full(2 * n - 1, -1)
    count = np.ones(2 * n - 1, np.int64)
    for node, (one, two) in enumerate(children.tolist(), n):
        parent[one] = parent[two] = node
        count[node] = count[one] + count[two]
    first = np.zeros(2 * n - 1, np.int64)
    for node in range(2 * n - 2, n - 1, -1):
        one, two = children[node - n]
        first[one], first[two] = first[node], first[node] + count[one]
    return Tree(parent, height, np.argsort(first[:n]), first, first + count)
