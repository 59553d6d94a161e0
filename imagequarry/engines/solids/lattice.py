"""A region of the plane cut into triangles: a square lattice inside, and corners on the outline itself.

Marching squares (Lorensen and Cline 1987, in the plane) with the inside of each cell triangulated. Two corners on the
outline are joined by the outline only, never by an edge through the inside: two such sheets glued along the outline
make a closed surface on which every edge has two faces.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mask import BoolArray
from imagequarry.engines.solids.fields import Floats, at_grid, at_points
from imagequarry.engines.solids.outline import Outline

Ints = NDArray[np.int32]

FINEST = 0.5  # pixels: a finer lattice shows the smoothing and nothing of the mask
LEAST_FACES = 8  # of a solid around a single corner of the lattice

_SEARCHES = 12
_SAMPLES = 48  # along an edge that the outline crosses
_MOST_SAMPLES = 100_000  # along all of them, where that is more for each
_NEAR = 0.06  # of an edge, at most a quarter of a pixel: so far corners on the outline keep from those of the lattice

# Corners of a cell 0..3 clockwise from the top left; 4..7 the edges from a corner to the next. Triangles clockwise,
# for each set of corners that are inside, as bits.
Triangles = tuple[tuple[int, int, int], ...]


def _turned(triangles: Triangles, turns: int) -> Triangles:
    return tuple((_turn(a, turns), _turn(b, turns), _turn(c, turns)) for a, b, c in triangles)


def _turn(place: int, turns: int) -> int:
    return (place + turns) % 4 + (place // 4) * 4


def _cases() -> dict[int, Triangles]:
    cases: dict[int, Triangles] = {}
    shapes: tuple[tuple[tuple[int, ...], Triangles], ...] = (
        ((0,), ((0, 4, 7),)),
        ((0, 1), ((0, 1, 5), (0, 5, 7))),
        ((0, 2), ((0, 4, 7), (2, 6, 5))),
        ((0, 1, 2), ((1, 2, 6), (1, 6, 7), (1, 7, 0))),
    )
    for corners, triangles in shapes:
        for turns in range(4):
            bits = sum(1 << _turn(corner, turns) for corner in corners)
            cases.setdefault(bits, _turned(triangles, turns))
    return cases


_CASES = _cases()
_FULL = 15
_COUNTS = np.array([len(_CASES.get(bits, ())) for bits in range(15)] + [2])


@dataclass(frozen=True, slots=True)
class Sheet:
    """A triangulated region. The first ``inner`` of the places (x, y), in pixels of the outline, lie inside it, the
    others on the outline. ``triangles`` (n, 3) run clockwise as seen on a screen."""

    x: Floats = field(repr=False)
    y: Floats = field(repr=False)
    triangles: Ints = field(repr=False)
    inner: int
    step: float


@dataclass(frozen=True, slots=True)
class _Lattice:
    xs: Floats
    ys: Floats
    inside: BoolArray
    step: float

    def cells(self) -> NDArray[np.uint8]:
        """Which corners of each cell are inside, as bits."""
        i = self.inside.view(np.uint8)
        return np.asarray(i[:-1, :-1] | i[:-1, 1:] << 1 | i[1:, 1:] << 2 | i[1:, :-1] << 3, np.uint8)

    def faces(self) -> int:
        """Faces of the solid that two such sheets make."""
        return 2 * int(np.bincount(self.cells().ravel(), minlength=16) @ _COUNTS)


def sheet_within(outline: Outline, faces: int) -> Sheet:
    """The finest lattice of which two sheets have at most so many faces, at least LEAST_FACES, triangulated."""
    return _triangulated(outline, _finest(outline, faces))


def _finest(outline: Outline, faces: int) -> _Lattice:
    """The step that meets the number of faces, which is nearly as its inverse square: found by false position."""
    step = max(FINEST, float(np.sqrt(4 * np.count_nonzero(outline.inside) / faces)))
    # With that step only the deepest pixel is a corner inside.
    best, coarse, fine = None, 2.0 * max(outline.level.shape), FINEST
    for _ in range(_SEARCHES):
        lattice = _lattice(outline, step)
        count = lattice.faces()
        if count <= faces:
            coarse = step
            if best is None or step < best.step:
                best = lattice
            if count >= 0.995 * faces or step <= FINEST:
                break
        else:
            fine = step
        guess = step * float(np.sqrt(max(count, 1) / (0.9975 * faces)))
        # Few faces come in leaps, and then only halving is sure to get on.
        step = guess if fine < guess < coarse else float(np.sqrt(fine * coarse))
    return best if best is not None else _lattice(outline, 2.0 * max(outline.level.shape))


def _lattice(outline: Outline, step: float) -> _Lattice:
    height, width = outline.level.shape
    x, y = outline.deepest
    xs, ys = _places(x, step, width), _places(y, step, height)
    return _Lattice(xs, ys, at_grid(outline.level, xs, ys) > 0.5, step)


def _places(through: int, step: float, size: int) -> Floats:
    """Places a step apart through one of them, so far that the first and the last lie outside."""
    before, after = int(np.ceil(through / step)), int(np.ceil((size - 1 - through) / step))
    return (through + step * np.arange(-before, after + 1)).astype(np.float32)


def _triangulated(outline: Outline, lattice: _Lattice) -> Sheet:
    inside = lattice.inside
    rows, columns = np.nonzero(inside)
    inner = len(rows)
    corner = np.full(inside.shape, -1, np.int32)
    corner[rows, columns] = np.arange(inner, dtype=np.int32)
    across, x_across, y_across = _crossings(outline, lattice, inner, 0, 1)
    along, x_along, y_along = _crossings(outline, lattice, inner + len(x_across), 1, 0)
    # Places of a cell in the order of the cases: corners clockwise, then the edges from each to the next.
    places = (
        corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1],
        across[:-1], along[:, 1:], across[1:], along[:, :-1],
    )  # fmt: skip
    cells = lattice.cells()
    parts = []
    for bits, case in _CASES.items():
        where = np.nonzero(cells == bits)
        parts += [np.stack([places[place][where] for place in triangle], axis=1) for triangle in case]
    i, j = np.nonzero(cells == _FULL)
    a, b, c, d = (place[i, j] for place in places[:4])
    # Diagonals by turns, so that the lattice leans to no side.
    even = (i + j) % 2 == 0
    parts.append(np.stack([a, b, np.where(even, c, d)], axis=1))
    parts.append(np.stack([c, d, np.where(even, a, b)], axis=1))
    return Sheet(
        np.concatenate([lattice.xs[columns], x_across, x_along]),
        np.concatenate([lattice.ys[rows], y_across, y_along]),
        np.concatenate(parts).astype(np.int32),
        inner,
        lattice.step,
    )


def _crossings(outline: Outline, lattice: _Lattice, first: int, down: int, right: int) -> tuple[Ints, Floats, Floats]:
    """Where the outline crosses the edges of one direction: their numbers from ``first`` on by edge, and x and y.

    Of several crossings the one next to the inside end counts.
    """
    height, width = lattice.inside.shape
    start, end = lattice.inside[: height - down, : width - right], lattice.inside[down:, right:]
    rows, columns = np.nonzero(start != end)
    number = np.full(start.shape, -1, np.int32)
    number[rows, columns] = first + np.arange(len(rows), dtype=np.int32)
    outward = start[rows, columns]
    x0, y0 = lattice.xs[columns + right * ~outward], lattice.ys[rows + down * ~outward]
    dx, dy = lattice.xs[columns + right * outward] - x0, lattice.ys[rows + down * outward] - y0
    samples = int(np.clip(2 * lattice.step, 2, max(_SAMPLES, _MOST_SAMPLES / max(len(rows), 1))))
    steps = np.linspace(0, 1, samples + 1, dtype=np.float32)
    level = at_points(outline.level, x0[:, None] + dx[:, None] * steps, y0[:, None] + dy[:, None] * steps)
    out = np.argmax(level <= 0.5, axis=1)
    each = np.arange(len(rows))
    within, without = level[each, out - 1], level[each, out]
    part = (out - 1 + (within - 0.5) / np.maximum(within - without, 1e-6)) / samples
    near = min(_NEAR, 0.25 / lattice.step)
    part = np.clip(part, near, 1 - near).astype(np.float32)
    return number, x0 + dx * part, y0 + dy * part
