"""Previews are drawn from the front, with what is near over what is far, and for every kind of shape."""

from __future__ import annotations

import numpy as np
import pytest

from imagequarry.capabilities.meshes.preview import SIDE, drawn
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.domain.mesh import MeshOptions, Unwatched
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.relief import Relief
from tests.engines.solids.shapes import SHAPES, picture
from tests.fixtures.pictures import quadrants

RED, BLUE = (220, 30, 30), (30, 30, 220)


def squares(*layers: tuple[float, tuple[int, int, int]]) -> Shape:
    """Squares that face the viewer, at these depths and in these colours; each is a quarter smaller than the last."""
    vertices, faces, colours = [], [], []
    for number, (depth, colour) in enumerate(layers):
        size = 1 - number / 4
        first = 4 * number
        vertices += [(x * size, y * size, depth) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
        colours += [colour] * 4
    return Shape(np.array(vertices, np.float32), np.array(faces, np.int32), colours=np.array(colours, np.uint8))


def test_what_is_near_hides_what_is_far() -> None:
    for order in ([(0.0, RED), (0.5, BLUE)], [(0.5, BLUE), (0.0, RED)]):
        canvas = drawn(squares(*order), 100, turn=0, tilt=0)
        nearest = max(order)[1]
        assert np.argmax(canvas[50, 50, :3]) == np.argmax(nearest)


def test_a_face_has_no_gaps_and_nothing_is_around_it() -> None:
    canvas = drawn(squares((0.0, RED)), 200, turn=0, tilt=0)
    rows, columns = np.nonzero(canvas[..., 3])
    assert canvas[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, 3].all()
    assert 0.8 * 200 < np.ptp(rows) < 0.95 * 200
    assert not canvas[0, :, 3].any()


def test_what_looks_away_is_not_drawn() -> None:
    assert not drawn(squares((0.0, RED)), 100, turn=np.pi, tilt=0)[..., 3].any()


def test_the_picture_is_upright_and_not_mirrored() -> None:
    mesh = Relief().make(Raster(quadrants(240, 240), "0" * 64), SHAPES["disc"], MeshOptions(20_000), Unwatched())
    canvas = drawn(Shape.of(mesh), 200, turn=0, tilt=0)[..., :3]
    assert np.argmax(canvas[70, 70]) == 0
    assert np.argmax(canvas[70, 130]) == 1
    assert np.argmax(canvas[130, 70]) == 2
    assert np.ptp(canvas[130, 130].astype(int)) < 10


@pytest.mark.parametrize("limit", [12, 300, 100_000])
def test_bodies_of_any_fineness_are_drawn_without_holes(limit: int) -> None:
    mesh = Relief().make(picture(), SHAPES["disc"], MeshOptions(limit), Unwatched())
    canvas = drawn(Shape.of(mesh))
    assert canvas.shape == (SIDE, SIDE, 4)
    for row in canvas[..., 3]:
        if row.any():
            across = np.flatnonzero(row)
            assert row[across[0] : across[-1] + 1].all()
