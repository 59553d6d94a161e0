"""What the encoder is given, against the published processors or their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from imagequarry.domain.geometry import Box, Point
from imagequarry.engines.huggingface.sam.families import SAM, SAM2, SAM3, Family
from imagequarry.engines.huggingface.sam.preprocess import Frame, pixel_values
from imagequarry.engines.huggingface.sam.resizing import resized, resizes
from tests.engines.huggingface.sam import tiny

SIZES = ((300, 400), (511, 333), (1200, 900), (64, 64), (1, 700))


@pytest.mark.parametrize("size", SIZES[:4])
def test_sam_gets_the_numbers_of_its_published_processor(size: tuple[int, int]) -> None:
    rgb = tiny.picture(*size).rgb
    wanted = SamImageProcessorPil()(Image.fromarray(rgb), return_tensors="np")
    frame = Frame.of(*size, 1024, SAM)
    assert tuple(wanted["reshaped_input_sizes"][0]) == frame.fitted
    assert np.array_equal(pixel_values(rgb, frame, SAM).numpy(), wanted["pixel_values"])


@pytest.mark.parametrize("family", [SAM2, SAM3], ids=lambda family: family.name)
@pytest.mark.parametrize("size", SIZES)
def test_its_successors_get_an_antialiased_square(size: tuple[int, int], family: Family) -> None:
    side = 256
    rgb = tiny.picture(*size).rgb
    levels = _triangle(size[0], side) @ rgb.astype(np.float64).transpose(2, 0, 1) @ _triangle(size[1], side).T
    wanted = (levels / 255 - np.array(family.mean)[:, None, None]) / np.array(family.std)[:, None, None]
    values = pixel_values(rgb, Frame.of(*size, side, family), family)[0].numpy()
    one_level = 1 / 255 / min(family.std)
    assert np.abs(values - wanted).max() < 1.6 * one_level
    assert np.abs(values - wanted).mean() < 0.4 * one_level


def _triangle(source: int, target: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(target, source) weights of the antialiased bilinear filter: a triangle as wide as the reduction."""
    scale = source / target
    centre = (np.arange(target)[:, None] + 0.5) * scale - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(source) - centre) / max(scale, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("side", [64, 256, 1024])
def test_a_device_resizes_as_pillow_does(side: int, device: str) -> None:
    rng = np.random.default_rng(side)
    sizes = [(1, 700), (64, 64), (1224, 1632), *rng.integers(20, 700, (12, 2)).tolist()]
    for height, width in sizes:
        rgb = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        fitted = Frame.of(height, width, side, SAM).fitted
        wanted = np.asarray(Image.fromarray(rgb).resize(fitted[::-1], Image.Resampling.BILINEAR))
        if resizes(height, width):
            assert np.array_equal(resized(torch.from_numpy(rgb).to(device), *fitted).cpu().numpy(), wanted)
    assert sum(resizes(height, width) for height, width in sizes) > 8


@pytest.mark.parametrize("family", [SAM, SAM2], ids=lambda family: family.name)
def test_a_device_gets_the_very_same_numbers(family: Family, device: str) -> None:
    for size in ((300, 400), (400, 100)):
        rgb = tiny.picture(*size).rgb
        frame = Frame.of(*size, 1024, family)
        there = pixel_values(rgb, frame, family, torch.device(device))
        assert there.device.type == device
        assert torch.equal(there.cpu(), pixel_values(rgb, frame, family))


def test_padding_is_zero_after_normalising() -> None:
    frame = Frame.of(100, 50, 128, SAM)
    values = pixel_values(tiny.picture(100, 50).rgb, frame, SAM)
    assert frame.fitted == (128, 64)
    assert torch.equal(values[..., 64:], torch.zeros(1, 3, 128, 64))
    assert values[..., :64].abs().min() > 0


def test_points_and_boxes_follow_the_picture() -> None:
    assert Frame.of(100, 50, 128, SAM).point(Point(25, 100)) == (32, 128)
    assert Frame.of(100, 50, 128, SAM2).point(Point(25, 100)) == (64, 128)
    assert Frame.of(100, 50, 128, SAM2).box(Box(0, 10, 50, 60)) == pytest.approx((0, 12.8, 128, 76.8))


def test_a_line_of_pixels_still_has_a_frame() -> None:
    assert Frame.of(1, 5000, 1024, SAM).fitted == (1, 1024)
