"""The graph of touching regions: arcs with length and boundary strength, and random walks on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.embedded.region_tree.arrays import Floats, Ints

Doubles = NDArray[np.float64]
WALL = 4.0
ACCURACY = 1e-3
FIXED = 1e4


@dataclass(frozen=True, slots=True)
class Arcs:
    """Pairs of touching regions ``a`` < ``b``: pixels of contact and mean boundary strength 0..1 along it."""

    a: Ints
    b: Ints
    length: Floats
    strength: Floats

    @property
    def nbytes(self) -> int:
        return self.a.nbytes + self.b.nbytes + self.length.nbytes + self.strength.nbytes


def arcs_between(label: Ints, edge: Floats) -> Arcs:
    """The arcs of a label map (h, w), their strength read from ``edge`` (h, w, k) along each arc's own direction.

    A straight arc counts the edges that run as it does; a crooked or tiny one counts the strongest of all directions.
    """
    w = label.shape[1]
    regions, orientations = int(label.max()) + 1, edge.shape[2]
    flat = label.ravel()
    pixel = np.arange(label.size).reshape(label.shape)
    right, down = label[:, :-1] != label[:, 1:], label[:-1] != label[1:]
    p = np.concatenate([pixel[:, :-1][right], pixel[:-1][down]])
    q = np.concatenate([pixel[:, 1:][right], pixel[1:][down]])
    pair = np.minimum(flat[p], flat[q]) * regions + np.maximum(flat[p], flat[q])
    key, arc = np.unique(pair, return_inverse=True)
    length = np.bincount(arc, minlength=len(key)).astype(np.float64)

    def mean(value: Doubles) -> Doubles:
        return np.asarray(np.bincount(arc, value, len(key)) / length, np.float64)

    x, y = (p % w + q % w) / 2, (p // w + q // w) / 2
    x, y = x - mean(x)[arc], y - mean(y)[arc]
    xx, yy, xy = mean(x * x), mean(y * y), mean(x * y)
    angle = np.mod(0.5 * np.arctan2(2 * xy, xx - yy), np.pi) / np.pi * orientations
    spread = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(xx + yy, 1e-9)
    straight = np.where(length >= 3, spread, 0)[arc]
    below = np.floor(angle).astype(np.int64)
    part = (angle - below)[arc]
    values = edge.reshape(-1, orientations)
    first, second = (below % orientations)[arc], ((below + 1) % orientations)[arc]
    along = np.maximum(*(values[z, first] * (1 - part) + values[z, second] * part for z in (p, q)))
    strongest = values.max(1)
    anyhow = np.maximum(strongest[p], strongest[q])
    strength = mean(straight * along + (1 - straight) * anyhow)
    return Arcs(key // regions, key % regions, length.astype(np.float32), strength.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Paths:
    """The arcs as seen from each of n regions in turn: the ``other`` region and how easily one walks there
    (``ease``), where each region's begin (``starts``), and the sum of their ease (``degree``)."""

    other: Ints
    ease: Doubles
    starts: Ints
    degree: Doubles

    @property
    def nbytes(self) -> int:
        return self.other.nbytes + self.ease.nbytes + self.starts.nbytes + self.degree.nbytes

    def flow(self, value: Doubles) -> Doubles:
        """What comes to each region from its neighbours, for k values at once: (k, n)."""
        if not len(self.other):
            return np.zeros_like(value)
        return np.asarray(np.add.reduceat(self.ease * value.take(self.other, axis=1), self.starts, axis=1), np.float64)


def paths_along(arcs: Arcs, regions: int) -> Paths:
    """The paths along the arcs of a connected graph; strong boundaries are hard to cross, long contacts easy."""
    ease = (arcs.length * np.exp(-WALL * arcs.strength)).astype(np.float64)
    here = np.concatenate([arcs.a, arcs.b])
    order = np.argsort(here, kind="stable")
    count = np.bincount(here, minlength=regions)
    both = np.concatenate([ease, ease])
    return Paths(
        np.concatenate([arcs.b, arcs.a])[order],
        both[order],
        np.cumsum(count) - count,
        np.bincount(here, both, regions).astype(np.float64),
    )


def random_walks(paths: Paths, prior: Doubles, pull: Doubles) -> Doubles:
    """How likely a walk from each of n regions ends on the foreground, 0..1, for k questions at once: (k, n).

    Solves (Laplacian + diag(pull)) p = pull * prior by conjugate gradients (Grady, PAMI 2006); ``pull`` (k, n) is how
    strongly a region keeps to its ``prior`` (k, n).
    """
    diagonal = paths.degree + pull
    p = prior.astype(np.float64)
    residual = pull * prior - diagonal * p + paths.flow(p)
    z = residual / diagonal
    direction, rho = z, (residual * z).sum(1, keepdims=True)
    enough = np.maximum(ACCURACY * rho, 1e-9)
    for _ in range(60):
        if (rho < enough).all():
            break
        image = diagonal * direction - paths.flow(direction)
        step = rho / np.maximum((direction * image).sum(1, keepdims=True), 1e-30)
        p = p + step * direction
        residual = residual - step * image
        z = residual / diagonal
        rho, last = (residual * z).sum(1, keepdims=True), rho
        direction = z + rho / np.maximum(last, 1e-30) * direction
    return np.clip(p, 0, 1)
