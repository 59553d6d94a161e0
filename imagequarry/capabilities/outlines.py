"""A mask's outlines along the edges of its pixels: filled by the even-odd rule they give back the very mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from imagequarry.domain.mask import Mask

IntArray = NDArray[np.int64]
Ring = list[list[int]]


class Polygon(TypedDict):
    """One connected piece of a mask: [x, y] corners, in pixels, of its rim (clockwise on the screen) and its holes.

    Rings are not closed by repeating their first corner, and every edge is upright or level. No ring touches itself.
    """

    exterior: Ring
    holes: list[Ring]


@dataclass(frozen=True, slots=True)
class _Trace:
    """What tracing found: corners 2i and 2i + 1 are the left and the right end of level edge i.

    ``edge`` holds the place of each level edge's left end, (2 y + leftward) * (width + 1) + x, ascending; ``following``
    the corner after each on its outline.
    """

    x: IntArray
    y: IntArray
    edge: IntArray
    following: list[int]


def rings(mask: Mask) -> list[IntArray]:
    """Every outline as an (N, 2) array of x, y: rims clockwise on the screen, holes counter-clockwise.

    Level edges are the places where a column's runs begin or end and the next column's do not, found by sorting;
    upright edges then join the corners of each column in pairs. Where two pixels meet at a corner only, the outlines
    keep to their own pixel; one that comes by such a corner twice is cut in two there, so that none touches itself.
    """
    if not mask.area:
        return []
    trace = _traced(mask)
    return [np.column_stack((trace.x[ring], trace.y[ring])) for ring in _rings_of(trace, mask.width)]


def polygons(mask: Mask) -> list[Polygon]:
    """The mask as polygons with holes, one for each piece connected by edges; none for an empty mask."""
    if not mask.area:
        return []
    trace = _traced(mask)
    found = _rings_of(trace, mask.width)
    points = [np.column_stack((trace.x[ring], trace.y[ring])) for ring in found]
    is_rim = [_signed_area(ring) > 0 for ring in points]
    pieces: dict[int, Polygon] = {
        number: {"exterior": ring.tolist(), "holes": []} for number, ring in enumerate(points) if is_rim[number]
    }
    above = _rings_above(mask, trace, found)
    # From the top down: what lies above a hole is its rim or another hole of the same piece, whose rim is known.
    first_rows = [int(ring[:, 1].min()) for ring in points]
    rim_of = list(range(len(found)))
    for number in sorted(range(len(found)), key=first_rows.__getitem__):
        if not is_rim[number]:
            rim_of[number] = rim_of[above[number]]
            pieces[rim_of[number]]["holes"].append(points[number].tolist())
    return list(pieces.values())


def svg_path(mask: Mask) -> str:
    """The outlines as the ``d`` of an SVG path, in pixels, for ``fill-rule="evenodd"``."""
    return "".join(_svg_ring(ring) for ring in rings(mask))


def _traced(mask: Mask) -> _Trace:
    column, top, bottom = mask.pieces()
    # A unit of level edge above each run (the outline goes right there) and one below it (it goes left).
    x = np.concatenate((column, column))
    y = np.concatenate((top, bottom))
    leftward = np.repeat([0, 1], column.size)
    place = ((y * 2 + leftward) * (mask.width + 1)) + x
    place.sort()
    breaks = np.flatnonzero(np.diff(place) != 1)
    left = place[np.concatenate(([0], breaks + 1))]
    right = place[np.concatenate((breaks, [place.size - 1]))] + 1
    row, left_x = np.divmod(left, mask.width + 1)
    right_x = right - row * (mask.width + 1)
    y, leftward = row // 2, row % 2

    corner_x = np.column_stack((left_x, right_x)).reshape(-1)
    corner_y = np.repeat(y, 2)
    leftward = np.repeat(leftward, 2)
    is_right_end = np.tile([0, 1], left_x.size)
    # Going down a column, corners come in pairs, the two ends of an upright edge. Of two corners at one place the
    # one whose pixel lies above comes first: that is the one of a lower rim, whose outline goes left.
    order = np.argsort((corner_x * (mask.height + 1) + corner_y) * 2 + (1 - leftward), kind="stable")
    partner = np.empty_like(order)
    partner[order[0::2]] = order[1::2]
    partner[order[1::2]] = order[0::2]
    # An outline leaves a level edge at its right end when it goes right, at its left end when it goes left.
    starts_level = is_right_end == leftward
    following = np.where(starts_level, np.arange(order.size) ^ 1, partner)
    return _Trace(corner_x, corner_y, left, following.tolist())


def _rings_of(trace: _Trace, width: int) -> list[IntArray]:
    """The outlines as numbers of corners, each touching no place twice."""
    keys = (trace.y * (width + 1) + trace.x).tolist()
    return [np.array(ring) for cycle in _cycles(trace.following) for ring in _simple(cycle, keys)]


def _cycles(following: list[int]) -> list[list[int]]:
    """The cycles of the permutation."""
    seen = bytearray(len(following))
    cycles = []
    for first in range(len(following)):
        if seen[first]:
            continue
        cycle = []
        at = first
        while not seen[at]:
            seen[at] = 1
            cycle.append(at)
            at = following[at]
        cycles.append(cycle)
    return cycles


def _simple(ring: list[int], keys: list[int]) -> list[list[int]]:
    """The ring cut wherever it comes by the same place again."""
    places = [keys[corner] for corner in ring]
    if len(set(places)) == len(places):
        return [ring]
    parts: list[list[int]] = []
    path: list[int] = []
    position: dict[int, int] = {}
    for corner, place in zip(ring, places, strict=True):
        if place in position:
            start = position[place]
            parts.append(path[start:])
            for gone in path[start:]:
                del position[keys[gone]]
            del path[start:]
        position[place] = len(path)
        path.append(corner)
    return [*parts, path]


def _signed_area(ring: IntArray) -> int:
    """Twice the area inside, positive when the ring is clockwise on the screen."""
    x, y = ring[:, 0], ring[:, 1]
    return int(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y))


def _rings_above(mask: Mask, trace: _Trace, found: list[IntArray]) -> list[int]:
    """For each hole the number of the ring that ends, upwards, the run of pixels above its top; rims get any."""
    ring_of_corner = np.empty(trace.x.size, dtype=np.int64)
    ring_of_corner[np.concatenate(found)] = np.repeat(np.arange(len(found)), [ring.size for ring in found])
    # Corners are numbered from the top, so a ring's least is the left end of an edge at its top.
    top = np.array([ring.min() for ring in found])
    column, first, _ = mask.pieces()
    stride = mask.height + 1
    run = np.searchsorted(column * stride + first, trace.x[top] * stride + trace.y[top] - 1, side="right") - 1
    edge_place = 2 * first[run] * (mask.width + 1) + trace.x[top]
    edge = np.searchsorted(trace.edge, edge_place, side="right") - 1
    above: list[int] = ring_of_corner[2 * edge].tolist()
    return above


def _svg_ring(ring: IntArray) -> str:
    """Moves to the first corner, then goes level and upright in turn; Z draws the last edge."""
    steps = np.diff(ring, axis=0)
    lengths = steps.sum(axis=1).tolist()
    words = "hv" if steps[0, 0] else "vh"
    drawn = "".join(f"{words[i & 1]}{length}" for i, length in enumerate(lengths))
    return f"M{ring[0, 0]} {ring[0, 1]}{drawn}Z"
