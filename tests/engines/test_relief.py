"""Whatever the outline, the body is closed, has no more faces than allowed, and carries the photograph."""

from __future__ import annotations

import numpy as np
import pytest

from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions, Quality, Unwatched
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.relief import CARD, Relief
from tests.engines.solids.shapes import EULER, SHAPES, SIDE, picture, solid
from tests.fixtures.pictures import quadrants

LIMITS = (12, 13, 48, 100, 1000, 20_000)


def made(raster: Raster, subject: Mask | None, limit: int | None = 2000, **options: object) -> Mesh:
    return Relief().make(raster, subject, MeshOptions(limit, **options), Unwatched())  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("limit", LIMITS)
def test_every_outline_gives_a_closed_body_within_the_limit(shape: str, limit: int) -> None:
    mesh = made(picture(), SHAPES[shape], limit)
    solid(mesh)
    assert len(mesh.faces) <= limit
    assert mesh.vertices.max() <= 0.5 + 1e-6


@pytest.mark.parametrize("limit", [1000, 20_000, 100_000, 500_000])
def test_a_limit_is_nearly_reached(limit: int) -> None:
    for subject in (SHAPES["disc"], SHAPES["ring"], None):
        assert 0.98 * limit <= len(made(picture(), subject, limit).faces) <= limit


@pytest.mark.parametrize("shape", EULER)
def test_parts_and_holes_are_kept(shape: str) -> None:
    assert solid(made(picture(), SHAPES[shape], 20_000)).euler_number == EULER[shape]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (700, 1), (2, 3), (64, 48), (1500, 1000)])
def test_a_picture_without_a_subject_becomes_a_closed_slab(size: tuple[int, int], limit: int) -> None:
    mesh = made(picture(*size), None, limit)
    assert solid(mesh).euler_number == 2
    assert 12 <= len(mesh.faces) <= limit


def test_an_empty_mask_is_no_subject() -> None:
    slab, empty = made(picture(), None), made(picture(), Mask.empty(SIDE, SIDE))
    assert np.array_equal(slab.vertices, empty.vertices)


def test_a_disc_becomes_round_and_as_thick_in_front_as_behind() -> None:
    mesh = made(picture(), SHAPES["disc"], 20_000)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    assert high[0] - low[0] == pytest.approx(1, abs=0.02)
    assert 0.3 < high[2] - low[2] < 0.6
    assert -low[2] == pytest.approx(high[2], abs=0.03)


def test_the_body_lies_where_the_subject_does_and_carries_its_colours() -> None:
    raster = Raster(quadrants(SIDE, SIDE), "0" * 64)
    mesh = made(raster, SHAPES["disc"], 20_000)
    assert mesh.uv is not None
    assert mesh.texture is not None
    height, width = mesh.texture.shape[:2]
    pixels = mesh.texture[
        np.minimum((1 - mesh.uv[:, 1]) * height, height - 1).astype(int),
        np.minimum(mesh.uv[:, 0] * width, width - 1).astype(int),
    ]
    # Red above on the left, blue below; in front as behind.
    right, up = mesh.vertices[:, 0] > 0.05, mesh.vertices[:, 1] > 0.05
    left, down = mesh.vertices[:, 0] < -0.05, mesh.vertices[:, 1] < -0.05
    front, back = mesh.vertices[:, 2] > 0.1, mesh.vertices[:, 2] < -0.1
    for side in (front, back):
        assert (pixels[side & left & up] == (255, 0, 0)).all()
        assert (pixels[side & right & up] == (0, 255, 0)).all()
        assert (pixels[side & left & down] == (0, 0, 255)).all()
        assert (side & right & down).sum() > 100


def test_no_background_is_on_the_body() -> None:
    rgb = np.full((SIDE, SIDE, 3), (0, 0, 255), np.uint8)
    rgb[SHAPES["disc"].array()] = 255, 0, 0
    mesh = made(Raster(rgb, "0" * 64), SHAPES["disc"])
    assert mesh.texture is not None
    assert (mesh.texture == (255, 0, 0)).all()


@pytest.mark.parametrize(("quality", "side", "faces"), [("draft", 512, 10_000), ("high", 2048, 200_000)])
def test_quality_is_the_size_of_texture_and_mesh_where_nobody_limits_it(
    quality: Quality, side: int, faces: int
) -> None:
    mesh = made(picture(2400, 1600), None, None, quality=quality)
    assert mesh.texture is not None
    assert max(mesh.texture.shape) == side
    assert 0.98 * faces <= len(mesh.faces) <= faces


def test_without_a_texture_there_are_no_coordinates_for_one() -> None:
    mesh = made(picture(), SHAPES["disc"], texture=False)
    assert mesh.uv is None
    assert mesh.texture is None


def test_the_card_says_that_nothing_is_invented() -> None:
    assert CARD.geometry == Relief().geometry == "2.5d"
    assert "does not invent" in CARD.description
