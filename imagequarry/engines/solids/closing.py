"""Sheets closed to solids: two of them glued along the outline, or one on walls and a floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.mesh import Faces, Vectors3
from imagequarry.engines.solids.fields import Floats, at_grid, at_points
from imagequarry.engines.solids.lattice import FINEST, LEAST_FACES, sheet_within
from imagequarry.engines.solids.outline import Outline
from imagequarry.errors import InvalidInput

LEAST_SLAB_FACES = 12

_HALVINGS = 40

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Solid:
    """A closed surface over the picture: ``points`` (V, 3) are x, y (down) and z (towards the viewer) in pixels of the
    picture; ``faces`` (F, 3) run counter-clockwise seen from outside."""

    points: Vectors3 = field(repr=False)
    faces: Faces = field(repr=False)


def cushion(outline: Outline, front: Floats, back: Floats, most: int, exactly: bool) -> Solid:
    """The subject between a front and a back: (h, w) float32 heights above the outline's plane, in its pixels.

    At most ``most`` faces, and where ``exactly`` all of them that the mask has room for. Raises InvalidInput below
    LEAST_FACES.
    """
    _require(most, LEAST_FACES)
    sheet = sheet_within(outline, most)
    inner = sheet.inner
    thinnest = np.float32(0.02 * sheet.step)
    x, y = sheet.x[:inner], sheet.y[:inner]
    rim = np.zeros(len(sheet.x) - inner, np.float32)
    above = np.maximum(at_points(front, x, y), thinnest)
    below = -np.maximum(at_points(back, x, y), thinnest)
    points = np.stack(
        [
            np.concatenate([x, sheet.x[inner:], x]),
            np.concatenate([y, sheet.y[inner:], y]),
            np.concatenate([above, rim, below]),
        ],
        axis=1,
    )
    behind = sheet.triangles + np.where(sheet.triangles < inner, len(sheet.x), 0).astype(np.int32)
    solid = Solid(points, np.concatenate([sheet.triangles[:, ::-1], behind]))
    if exactly and sheet.step > FINEST:
        in_front = len(sheet.triangles)

        def height(face: Indices, middle: Vectors3) -> Floats:
            x, y = middle[:, 0], middle[:, 1]
            return np.where(face < in_front, at_points(front, x, y), -at_points(back, x, y))

        solid = _filled(solid, most, height, len(solid.faces))
    points = solid.points * np.float32(outline.scale)
    points[:, :2] += np.array([outline.x0, outline.y0], np.float32)
    return Solid(points, solid.faces)


def slab(height: Floats, size: tuple[int, int], floor: float, most: int, exactly: bool) -> Solid:
    """The whole picture as a relief on a plate with walls and a flat back.

    ``height`` (h, w) float32 are those of the front in pixels of the picture over a back at ``-floor``; ``size`` is
    that of the picture, (height, width). Raises InvalidInput below LEAST_SLAB_FACES.
    """
    _require(most, LEAST_SLAB_FACES)
    rows, columns = _slab_lattice(size, most)
    # Pixels are areas here, so that a picture one pixel wide is a pixel wide and not nothing.
    xs = np.linspace(-0.5, size[1] - 0.5, columns, dtype=np.float32)
    ys = np.linspace(-0.5, size[0] - 0.5, rows, dtype=np.float32)
    across, along = height.shape[1] / size[1], height.shape[0] / size[0]
    number = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    even = np.indices(a.shape).sum(axis=0) % 2 == 0
    front = [np.stack([a, np.where(even, c, d), b], -1), np.stack([c, np.where(even, a, b), d], -1)]
    # Around the border clockwise; the corners of the back are those of the border once more, and its middle the last.
    border = np.concatenate([number[0], number[1:, -1], number[-1, -2::-1], number[-2:0:-1, 0]])
    low = rows * columns + np.arange(len(border), dtype=np.int32)
    after, low_after = np.roll(border, -1), np.roll(low, -1)
    walls = [np.stack([border, after, low_after], 1), np.stack([border, low_after, low], 1)]
    if len(border) == 4:
        back, middle = [low[[0, 1, 2]], low[[2, 3, 0]]], 0
    else:
        hub = np.full(len(low), low[-1] + 1, np.int32)
        back, middle = [np.stack([low, low_after, hub], 1)], 1
    x, y = np.meshgrid(xs, ys)
    z = at_grid(height, (xs + 0.5) * across - 0.5, (ys + 0.5) * along - 0.5)
    top = np.stack([x, y, z], -1).reshape(-1, 3)
    bottom = top[border].copy()
    bottom[:, 2] = -floor
    hub_point = np.array([[xs.mean(), ys.mean(), -floor]], np.float32)[:middle]
    faces = np.concatenate([part.reshape(-1, 3) for part in (*front, *walls, *back)]).astype(np.int32)
    solid = Solid(np.concatenate([top, bottom, hub_point]).astype(np.float32), faces)
    if not exactly or (rows, columns) == _slab_sides(size, FINEST):
        return solid
    in_front = 2 * a.size

    def raised(face: Indices, middle: Vectors3) -> Floats:
        x, y = (middle[:, 0] + 0.5) * across - 0.5, (middle[:, 1] + 0.5) * along - 0.5
        return np.where(face < in_front, at_points(height, x, y), middle[:, 2])

    return _filled(solid, most, raised, in_front)


def _slab_lattice(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Rows and columns of the finest lattice over a picture that gives a slab of at most so many faces."""

    def faces(step: float) -> int:
        rows, columns = _slab_sides(size, step)
        border = 2 * (rows + columns - 2)
        return 2 * (rows - 1) * (columns - 1) + 2 * border + (2 if border == 4 else border)

    fine, coarse = FINEST, 2.0 * max(size)
    if faces(fine) <= most:
        return _slab_sides(size, fine)
    for _ in range(_HALVINGS):
        middle = (fine * coarse) ** 0.5
        fine, coarse = (fine, middle) if faces(middle) <= most else (middle, coarse)
    return _slab_sides(size, coarse)


def _slab_sides(size: tuple[int, int], step: float) -> tuple[int, int]:
    return max(2, int(size[0] / step) + 1), max(2, int(size[1] / step) + 1)


def _filled(solid: Solid, most: int, height: Callable[[Indices, Vectors3], Floats], preferred: int) -> Solid:
    """The solid with its largest faces split in three until it has as many faces as it may have.

    ``height``: z of the middle of a face. The first ``preferred`` faces are split if they are enough. None is split
    twice: its parts would be ever thinner.
    """
    missing = (most - len(solid.faces)) // 2
    corners = solid.points[solid.faces[:preferred] if missing <= preferred else solid.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    split = np.sort(np.argsort(-area, kind="stable")[:missing])
    middle = corners[split].mean(axis=1)
    middle[:, 2] = height(split, middle)
    new = (len(solid.points) + np.arange(len(split))).astype(np.int32)
    a, b, c = solid.faces[split].T
    faces = solid.faces.copy()
    faces[split] = np.stack([a, b, new], 1)
    more = [np.stack([b, c, new], 1), np.stack([c, a, new], 1)]
    return Solid(np.concatenate([solid.points, middle]), np.concatenate([faces, *more]))


def _require(most: int, least: int) -> None:
    if most < least:
        raise InvalidInput(
            f"face_limit is {most}, but no closed mesh of this picture has less than {least} faces.",
            face_limit=most,
            least=least,
        )
