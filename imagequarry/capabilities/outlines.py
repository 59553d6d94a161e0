"""A mask's outlines along the edges of its pixels: filled by the even-odd rule they give back the very mask."""

from __future__ import annotations

import cv2
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


def rings(mask: Mask) -> list[IntArray]:
    """Every outline as an (N, 2) array of x, y: rims clockwise on the screen, holes counter-clockwise.

    Level edges are the places where a column's runs begin or end and the next column's do not, found by sorting;
    upright edges then join the corners of each column in pairs. Where two pixels meet at a corner only, the outlines
    keep to their own pixel; one that comes by such a corner twice is cut in two there, so that none touches itself.
    """
    if not mask.area:
        return []
    corner_x, corner_y, following = _corners(mask)
    ring_of = _traced(following)
    keys = (corner_y * (mask.width + 1) + corner_x).tolist()
    simple = [part for ring in ring_of for part in _simple(ring, keys)]
    order = np.concatenate([np.array(ring) for ring in simple])
    points = np.column_stack((corner_x[order], corner_y[order]))
    return np.split(points, np.cumsum([len(ring) for ring in simple])[:-1])


def polygons(mask: Mask) -> list[Polygon]:
    """The mask as polygons with holes, one for each piece connected by edges; none for an empty mask."""
    found = rings(mask)
    clockwise = [_signed_area(ring) > 0 for ring in found]
    rims = [ring for ring, rim in zip(found, clockwise, strict=True) if rim]
    holes = [ring for ring, rim in zip(found, clockwise, strict=True) if not rim]
    pieces: list[Polygon] = [{"exterior": ring.tolist(), "holes": []} for ring in rims]
    for hole, owner in zip(holes, _owners(mask, rims, holes), strict=True):
        pieces[owner]["holes"].append(hole.tolist())
    return pieces


def svg_path(mask: Mask) -> str:
    """The outlines as the ``d`` of an SVG path, in pixels, for ``fill-rule="evenodd"``."""
    return "".join(_svg_ring(ring) for ring in rings(mask))


def _corners(mask: Mask) -> tuple[IntArray, IntArray, list[int]]:
    """x and y of every corner, and for each the corner that follows on its outline.

    Corners 2i and 2i + 1 are the left and the right end of level edge i.
    """
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
    return corner_x, corner_y, following.tolist()


def _traced(following: list[int]) -> list[list[int]]:
    """The cycles of the permutation, each beginning at its first corner from the top."""
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


def _owners(mask: Mask, rims: list[IntArray], holes: list[IntArray]) -> list[int]:
    """For each hole the number of the rim it lies in."""
    if len(rims) < 2 or not holes:
        return [0] * len(holes)
    rows, columns = mask.window(margin=1)
    _, labels = cv2.connectedComponents(mask.crop(margin=1).view(np.uint8), connectivity=4)
    origin = np.array([columns.start, rows.start])
    # The first corner of a rim from the top (leftmost in its row) has its own pixel to the lower right; that of a
    # hole has the surrounding piece above it, to the upper right.
    rim_pixel = np.array([ring[np.lexsort((ring[:, 0], ring[:, 1]))[0]] for ring in rims]) - origin
    hole_pixel = np.array([ring[np.lexsort((ring[:, 0], ring[:, 1]))[0]] for ring in holes]) - origin - [0, 1]
    rim_of_label = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    rim_of_label[labels[rim_pixel[:, 1], rim_pixel[:, 0]]] = np.arange(len(rims))
    owners: list[int] = rim_of_label[labels[hole_pixel[:, 1], hole_pixel[:, 0]]].tolist()
    return owners


def _svg_ring(ring: IntArray) -> str:
    """Moves to the first corner, then goes level and upright in turn; Z draws the last edge."""
    steps = np.diff(ring, axis=0)
    lengths = steps.sum(axis=1).tolist()
    words = "hv" if steps[0, 0] else "vh"
    drawn = "".join(f"{words[i & 1]}{length}" for i, length in enumerate(lengths))
    return f"M{ring[0, 0]} {ring[0, 1]}{drawn}Z"
