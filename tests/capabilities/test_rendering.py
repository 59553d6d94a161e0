"""Masks are painted in order, later over earlier, and blended as Porter and Duff say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagequarry.capabilities.rendering import Colour, Instruction, render, render_png
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.errors import InvalidInput

SIZE = (70, 50)
CHANNEL = st.integers(0, 255)
COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL, st.one_of(st.sampled_from([0, 1, 128, 254, 255]), CHANNEL))


def picture(*, translucent: bool = False) -> Raster:
    generator = np.random.default_rng(5)
    rgb = generator.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    rgb.flags.writeable = False
    return Raster(rgb, "c" * 64, generator.integers(0, 256, SIZE, dtype=np.uint8) if translucent else None)


def rectangle(rows: slice, columns: slice) -> Mask:
    array = np.zeros(SIZE, dtype=np.bool_)
    array[rows, columns] = True
    return Mask.from_array(array)


def blended(layers: list[tuple[NDArray[np.bool_], NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Source-over on premultiplied pixels in double precision, and back: what blending should give."""
    canvas = np.zeros((*SIZE, 4))
    for inside, paint in layers:
        source = np.broadcast_to(paint / 255, canvas.shape).copy()
        source[..., :3] *= source[..., 3:]
        canvas = np.where(inside[..., None], source + canvas * (1 - source[..., 3:]), canvas)
    alpha = canvas[..., 3:]
    canvas[..., :3] = np.divide(canvas[..., :3], alpha, out=np.zeros((*SIZE, 3)), where=alpha > 0)
    return canvas * 255


def test_the_documented_colours() -> None:
    one, two, three = (rectangle(slice(row, row + 10), slice(5, 20)) for row in (0, 20, 40))
    canvas = render(
        picture(), [Instruction(one, (255, 0, 0, 128)), Instruction(two, (0, 255, 0, 255)), Instruction(three, None)]
    )
    assert (canvas[one.array()] == (255, 0, 0, 128)).all()
    assert (canvas[two.array()] == (0, 255, 0, 255)).all()
    assert np.array_equal(canvas[three.array(), :3], picture().rgb[three.array()])
    assert (canvas[three.array(), 3] == 255).all()
    assert not canvas[~one.union(two, three).array()].any()


def test_later_lies_over_earlier() -> None:
    below, above = rectangle(slice(0, 40), slice(0, 40)), rectangle(slice(20, 60), slice(20, 50))
    canvas = render(picture(), [Instruction(below, (1, 2, 3, 255)), Instruction(above, (9, 8, 7, 255))])
    assert (canvas[above.array()] == (9, 8, 7, 255)).all()
    assert (canvas[10, 10] == (1, 2, 3, 255)).all()


def test_half_red_over_half_green_is_two_thirds_red() -> None:
    mask = rectangle(slice(0, 5), slice(0, 5))
    canvas = render(picture(), [Instruction(mask, (0, 255, 0, 128)), Instruction(mask, (255, 0, 0, 128))])
    assert canvas[2, 2].tolist() == [170, 85, 0, 192]


@given(st.lists(COLOUR, min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_translucent_layers_blend_to_within_rounding(colours: list[Colour], seed: int) -> None:
    generator = np.random.default_rng(seed)
    insides = [generator.random(SIZE) < 0.6 for _ in colours]
    canvas = render(picture(), [Instruction(Mask.from_array(a), c) for a, c in zip(insides, colours, strict=True)])
    exact = blended([(a, np.array(c, dtype=np.float64)) for a, c in zip(insides, colours, strict=True)])
    assert np.abs(canvas[..., 3] - exact[..., 3]).max() <= 1.5
    # A colour counts as much as it shows: under a faint alpha 8 bits say little of it.
    error = np.abs(canvas[..., :3] - exact[..., :3]) * exact[..., 3:] / 255
    assert error.max() <= 3


def test_the_pictures_own_pixels_bring_their_own_alpha() -> None:
    raster = picture(translucent=True)
    assert raster.alpha is not None
    mask = rectangle(slice(3, 60), slice(2, 40))
    own = render(raster, [Instruction(mask)])
    assert np.array_equal(own[mask.array(), 3], raster.alpha[mask.array()])
    over_blue = render(raster, [Instruction(mask, (0, 0, 255, 255)), Instruction(mask)])
    paint = np.dstack((raster.rgb, raster.alpha)).astype(np.float64)
    exact = blended([(mask.array(), np.array([0, 0, 255, 255.0])), (mask.array(), paint)])
    assert np.abs(over_blue - exact).max() <= 1


def test_transparent_paint_changes_nothing() -> None:
    mask = rectangle(slice(0, 9), slice(0, 9))
    assert not render(picture(), [Instruction(mask, (200, 100, 50, 0))]).any()
    canvas = render(picture(), [Instruction(mask, (1, 2, 3, 77)), Instruction(mask, (200, 100, 50, 0))])
    assert (canvas[mask.array()] == (1, 2, 3, 77)).all()


@pytest.mark.parametrize("instructions", [[], [Instruction(Mask.empty(*SIZE), (1, 2, 3, 4))]])
def test_nothing_to_paint_gives_a_transparent_picture(instructions: list[Instruction]) -> None:
    with Image.open(io.BytesIO(render_png(picture(), instructions))) as opened:
        assert (opened.size, opened.mode) == ((SIZE[1], SIZE[0]), "RGBA")
        assert not np.asarray(opened).any()


def test_the_png_is_the_canvas() -> None:
    instructions = [
        Instruction(rectangle(slice(30, 50), slice(4, 40)), (255, 0, 0, 128)),
        Instruction(rectangle(slice(20, 45), slice(10, 50))),
    ]
    with Image.open(io.BytesIO(render_png(picture(), instructions))) as opened:
        assert (opened.format, opened.mode) == ("PNG", "RGBA")
        assert np.array_equal(np.asarray(opened), render(picture(), instructions))


@pytest.mark.parametrize(
    "colour", [(256, 0, 0, 0), (0, -1, 0, 0), (0, 0, 0), (0, 0, 0, 0, 0), (0, 0, 0.5, 0), (True, 0, 0, 0)]
)
def test_a_colour_out_of_range_is_refused(colour: Colour) -> None:
    with pytest.raises(InvalidInput):
        Instruction(Mask.empty(*SIZE), colour)


def test_a_mask_of_another_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="another size"):
        render(picture(), [Instruction(Mask.empty(9, 9), (1, 2, 3, 4))])
