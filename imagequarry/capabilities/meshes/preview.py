"""A small picture of a model, seen a little from the side and from above, drawn without any graphics library.

Every face that looks towards the viewer becomes a lattice of points no further apart than a pixel; the points are put
onto the canvas from the furthest to the nearest.
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
# Points of a lattice are this far apart at most, in pixels: more leaves gaps in slanted faces.
_APART = 0.9
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
    at = (seen - (low + high) / 2) * np.array([scale, -scale, scale], np.float32)
    at[:, :2] += side / 2
    corners = at[shape.faces]
    across, along = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Towards the viewer, y running downwards here.
    front = across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0] < 0
    faces, corners = shape.faces[front], corners[front]
    lit = np.clip(shape.normals() @ view.T @ _LIGHT, 0, 1)
    shade = np.asarray(_SHADE + (1 - _SHADE) * lit, np.float32)
    longest = np.abs(corners - np.roll(corners, 1, axis=1))[..., :2].max((1, 2))
    parts = np.clip(np.ceil(longest / _APART), 1, _FINEST).astype(np.int64)
    parts[parts > _FEW] = np.exp2(np.ceil(np.log2(parts[parts > _FEW]))).astype(np.int64)
    values = [corners, shade[faces][..., None]]
    if shape.uv is not None and shape.texture is not None:
        values.append(shape.uv[faces])
    elif shape.colours is not None:
        values.append(shape.colours[faces].astype(np.float32))
    # (F, values, 3): what is known of each corner, spread over the face by one product.
    known = np.ascontiguousarray(np.concatenate(values, axis=2).transpose(0, 2, 1))
    canvas = np.zeros((side * side, 4), np.uint8)
    if len(known):
        points = np.concatenate([_spread(known[parts == count], int(count)) for count in np.unique(parts)])
        _put(canvas, points, shape, side)
    return _without_gaps(canvas.reshape(side, side, 4))


def _without_gaps(canvas: Pixels) -> Pixels:
    """The canvas with the single pixels filled that no point of a slanted face fell upon."""
    alpha = canvas[..., 3]
    missed = (cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, _NEIGHBOURS) > 0) & (alpha == 0)
    canvas[missed] = cv2.dilate(canvas, _NEIGHBOURS)[missed]
    return canvas


def _spread(known: Floats, parts: int) -> Floats:
    """(P, values) of a lattice of points on each of these faces."""
    return np.asarray((known @ _lattice(parts).T).transpose(0, 2, 1), np.float32).reshape(-1, known.shape[1])


def _put(canvas: Pixels, points: Floats, shape: Shape, side: int) -> None:
    """Put points onto the canvas, the nearest last; each is x, y, depth, light, and what its colour comes from."""
    depth = points[:, 2]
    low, span = float(depth.min()), max(float(np.ptp(depth)), 1e-9)
    # Sixteen bits are sorted in a tenth of the time.
    points = points[np.argsort(((depth - low) / span * 65535).astype(np.uint16), kind="stable")]
    column, row = (np.clip(points[:, axis].astype(np.int64), 0, side - 1) for axis in (0, 1))
    if shape.uv is not None and shape.texture is not None:
        paint: NDArray[Any] = read_at(shape.texture, points[:, 4:6])
    elif shape.colours is not None:
        paint = points[:, 4:7]
    else:
        paint = np.full((len(points), 3), _GREY)
    place = row * side + column
    canvas[place, :3] = np.clip(paint * points[:, 3:4], 0, 255)
    canvas[place, 3] = 255


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
