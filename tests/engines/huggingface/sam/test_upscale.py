"""Full-size masks against the published interpolation, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from imagequarry.engines.huggingface.sam.families import SAM, SAM2, Family
from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.upscale import Upscaler

SIZES = ((90, 120), (300, 400), (777, 601), (1200, 1600), (7, 5), (1, 90), (1024, 1024))
LOW = 256


def blobs(seed: int, count: int = 4, side: int = LOW) -> NDArray[np.float32]:
    """Logits of discs with noisy outlines, some reaching out of the picture."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:side, :side]
    discs = []
    for _ in range(count):
        x, y, radius = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(side / 40, side / 2)
        coarse = torch.from_numpy(rng.normal(size=(1, 1, 24, 24)))
        noise = functional.interpolate(coarse, (side, side), mode="bicubic")[0, 0].numpy()
        discs.append(np.clip((radius - np.hypot(xx - x, yy - y)) / 4, -12, 12) + 2 * noise)
    return np.stack(discs).astype(np.float32)


def enlarged(logits: NDArray[np.float32], frame: Frame, family: Family) -> NDArray[np.float32]:
    """As published: SAM in two steps with the padding cut off in between, its successors in one."""
    values = torch.from_numpy(logits)[None]
    if family is SAM:
        values = functional.interpolate(values, (frame.side, frame.side), mode="bilinear")
        values = values[..., : frame.fitted[0], : frame.fitted[1]]
    return functional.interpolate(values, (frame.height, frame.width), mode="bilinear")[0].numpy()


@pytest.mark.parametrize("family", [SAM, SAM2], ids=lambda family: family.name)
@pytest.mark.parametrize("size", SIZES)
def test_masks_are_those_of_the_published_interpolation(size: tuple[int, int], family: Family) -> None:
    frame = Frame.of(*size, 1024, family)
    upscaler = Upscaler(frame, LOW, twice=family is SAM)
    low = blobs(seed=size[0])
    for logits, full in zip(low, enlarged(low, frame, family), strict=True):
        traced = upscaler.trace(logits)
        assert traced.mask() == Mask.from_array(full > 0)
        assert (traced.sure, traced.area, traced.likely) == ((full > 1).sum(), (full > 0).sum(), (full > -1).sum())
        box = traced.mask().box
        assert traced.box() == (box.x0, box.y0, box.x1, box.y1)
        assert traced.stability <= upscaler.stability_bound(logits)


@pytest.mark.parametrize("value", [-9.0, -0.5, 0.5, 9.0])
def test_masks_without_an_outline_are_empty_or_full(value: float) -> None:
    frame = Frame.of(50, 80, 1024, SAM)
    traced = Upscaler(frame, LOW, twice=True).trace(np.full((LOW, LOW), value, dtype=np.float32))
    assert traced.area == (50 * 80 if value > 0 else 0)
    assert traced.mask().area == traced.area
    assert traced.stability == (1 if value > 1 else 0)


def test_a_mask_of_a_crop_lies_where_the_crop_lay() -> None:
    frame = Frame.of(60, 40, 1024, SAM2)
    traced = Upscaler(frame, LOW, twice=False).trace(blobs(3)[2])
    whole = np.zeros((100, 90), dtype=bool)
    whole[30:90, 45:85] = traced.mask().array()
    assert traced.mask(45, 30, 100, 90) == Mask.from_array(whole)


def test_tiles_stay_so_small_that_no_product_is_spread_over_threads() -> None:
    upscaler = Upscaler(Frame.of(9000, 12000, 1024, SAM), LOW, twice=True)
    for row in upscaler._rows:
        for column in upscaler._columns:
            assert (row.stop - row.start) * (column.stop - column.start) * (row.last - row.first) <= 2**18
