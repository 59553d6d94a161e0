"""A small picture of a model, seen a little from the side and from above, drawn without any graphics library.

Every face that looks towards the viewer becomes a lattice of points no further apart than a pixel; of those that fall
upon one pixel of the canvas the nearest stays, and only these are painted.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagequarry.capabilities.meshes.shape import Shape, read_at
from imagequarry.domain.raster import Pixels

Floats = NDArray[np.float32]

SIDE = 512
_MARGIN = 0.06
_TURN, _TILT = np.radians(-28.0), np.radians(14.0)
_LIGHT = np.array([-0.35, 0.55, 0.76], np.float32)
_SHADE = 0.45
_GREY = 205
# Points of a lattice are this far apart at most, in pixels: more leaves gaps that are wider than a pixel.
_APART = 1.3
_NEIGHBOURS = np.ones((3, 3), np.uint8)
# A face is cut into at most so many parts a side; faces of more than a few parts share a number with others.
_FINEST, _FEW = 512, 8


def of_shape(shape: Shape) -> bytes:
    """A PNG with a transparent background."""
    file = io.BytesIO()
    Image.fromarray(drawn(shape)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def drawn(shape: Shape, side: int = SIDE, turn: float = _TURN, tilt: float = _TILT) -> Pixels:
    """(side, side, 4) RGBA of the model turned about the upright axis and then tilted, by radians."""
    view = _view(turn, tilt)
    seen = (shape.vertices - shape.vertices.mean(0)) @ view.T
    low, high = seen.min(0), seen.max(0)
    scale = side * (1 - 2 * _MARGIN) / max(float((high - low)[:2].max()), 1e-9)
    at = np.asarray((seen - (low + high) / 2) * (scale, -scale, scale), np.float32)
    at[:, :2] += side / 2
    a, b, c = (at[shape.faces[:, corner]] for corner in range(3))
    # Towards the viewer, y running downwards here.
    front = np.flatnonzero((b - a)[:, 0] * (c - a)[:, 1] < (b - a)[:, 1] * (c - a)[:, 0])
    corners = np.stack([a[front], b[front], c[front]], axis=1)
    face, weight = _seen(corners, side)
    own = shape.faces[front[face]]

    def spread(values: NDArray[Any]) -> Floats:
        """(P, values) what is known of vertices (V, values), at each of the points seen."""
        return np.asarray(sum(values[own[:, i]] * weight[:, i : i + 1] for i in range(3)), np.float32)

    lit = np.clip(shape.normals @ (_LIGHT @ view), 0, 1)[:, None]
    if shape.uv is not None and shape.texture is not None:
        paint: NDArray[Any] = read_at(shape.texture, spread(shape.uv))
    elif shape.colours is not None:
        paint = spread(shape.colours)
    else:
        paint = np.full((len(own), 3), _GREY)
    canvas = np.zeros((side * side, 4), np.uint8)
    place = _place(np.einsum("pi,pia->pa", weight, corners[face][..., :2]), side)
    canvas[place, :3] = np.clip(paint * (_SHADE + (1 - _SHADE) * spread(lit)), 0, 255)
    canvas[place, 3] = 255
    return _without_gaps(canvas.reshape(side, side, 4))


def _seen(corners: Floats, side: int) -> tuple[NDArray[np.intp], Floats]:
    """The points of faces (F, 3, 3) that no other hides: the face (P,) that each is of, its corners' weights (P, 3)."""
    longest = np.abs(corners - np.roll(corners, 1, axis=1))[..., :2].max((1, 2), initial=0)
    parts = np.clip(np.ceil(longest / _APART), 1, _FINEST).astype(np.int64)
    parts[parts > _FEW] = np.exp2(np.ceil(np.log2(parts[parts > _FEW]))).astype(np.int64)
    faces, weights, points = [np.zeros(0, np.intp)], [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)]
    for count in np.unique(parts):
        chosen, lattice = np.flatnonzero(parts == count), _lattice(int(count))
        faces.append(np.repeat(chosen, len(lattice)))
        weights.append(np.tile(lattice, (len(chosen), 1)))
        points.append(np.matmul(lattice, corners[chosen]).reshape(-1, 3))
    face, weight, at = np.concatenate(faces), np.concatenate(weights), np.concatenate(points)
    # Sixteen bits are sorted in a tenth of the time.
    low, span = float(at[:, 2].min(initial=0)), max(float(np.ptp(at[:, 2])) if len(at) else 0.0, 1e-9)
    order = np.argsort(((at[:, 2] - low) / span * 65535).astype(np.uint16), kind="stable")
    nearest = np.full(side * side, -1, np.intp)
    nearest[_place(at[order, :2], side)] = order
    nearest = nearest[nearest >= 0]
    return face[nearest], weight[nearest]


def _place(at: Floats, side: int) -> NDArray[np.intp]:
    """(P,) the number of the canvas' pixel at x and y (P, 2)."""
    column, row = np.clip(at.astype(np.intp), 0, side - 1).T
    return np.asarray(row * side + column, np.intp)


def _without_gaps(canvas: Pixels) -> Pixels:
    """The canvas with the single pixels filled that no point of a slanted face fell upon."""
    alpha = canvas[..., 3]
    missed = (cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, _NEIGHBOURS) > 0) & (alpha == 0)
    canvas[missed] = cv2.dilate(canvas, _NEIGHBOURS)[missed]
    return canvas


def _lattice(parts: int) -> Floats:
    """(K, 3) weights of a triangle's corners: the middles of its parts, for one part its own."""
    first, second = np.meshgrid(np.arange(parts), np.arange(parts))
    inside = first + second < parts
    i, j = first[inside] + 1 / 3, second[inside] + 1 / 3
    weights = np.column_stack([i, j, parts - i - j]) / parts
    return np.asarray(weights, np.float32)


def _view(turn: float, tilt: float) -> Floats:
    """The rotation (3, 3) about the upright axis and then about the one across."""
    c, s = np.cos(turn), np.sin(turn)
    around = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(tilt), np.sin(tilt)
    return np.asarray(np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ around, np.float32)
