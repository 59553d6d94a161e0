"""Masks traced many at once are those traced one after the other."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imagequarry.engines.huggingface.sam import tracing
from imagequarry.engines.huggingface.sam.families import SAM, SAM2, Family
from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.tracing import Tracer
from imagequarry.engines.huggingface.sam.upscale import Traced, Upscaler, reaches
from tests.engines.huggingface.sam.test_upscale import LOW, SIZES, blobs


def pair(size: tuple[int, int], family: Family, device: str) -> tuple[Upscaler, Tracer]:
    frame, twice = Frame.of(*size, 1024, family), family is SAM
    return Upscaler(frame, LOW, twice=twice), Tracer(frame, LOW, torch.device(device), twice=twice)


def as_values(traced: Traced | None) -> Any:
    """Something that can be compared: arrays as lists."""
    if traced is None:
        return None
    return [v.tolist() if isinstance(v, np.ndarray) else v for v in dataclasses.astuple(traced)]


@pytest.fixture(params=[None, 10_000], ids=["all in one part", "in many parts"])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr(tracing, "_VALUES", request.param)


def scene(seed: int) -> NDArray[np.float32]:
    """Masks of all kinds: discs, one of nothing, one of everything, one that is likely and nowhere sure, one pixel."""
    even = [np.full((LOW, LOW), value, np.float32) for value in (-9.0, 9.0, 0.5, -0.5)]
    dot = np.full((LOW, LOW), -9, np.float32)
    dot[0, 0] = 9
    return np.concatenate([blobs(seed, 5), np.stack([*even, dot])]).astype(np.float32)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("family", [SAM, SAM2], ids=lambda family: family.name)
@pytest.mark.parametrize("size", SIZES)
def test_masks_and_counts_are_those_of_the_processor_s_way(size: tuple[int, int], family: Family, device: str) -> None:
    upscaler, tracer = pair(size, family, device)
    low = scene(seed=size[0])
    found = tracer.trace(torch.from_numpy(low).to(device))
    assert [as_values(one) for one in found] == [as_values(upscaler.trace(logits)) for logits in low]


@pytest.mark.parametrize("family", [SAM, SAM2], ids=lambda family: family.name)
@pytest.mark.parametrize("size", SIZES)
def test_bounds_of_the_stability_are_those_of_the_processor_s_way(
    size: tuple[int, int], family: Family, device: str
) -> None:
    upscaler, tracer = pair(size, family, device)
    low = scene(seed=size[1])
    bounds = tracer.stability_bounds(torch.from_numpy(low).to(device)).tolist()
    assert bounds == pytest.approx([upscaler.stability_bound(logits) for logits in low], abs=1e-12)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9, 1.0])
def test_only_the_wanted_and_stable_come_back(threshold: float, device: str) -> None:
    upscaler, tracer = pair((300, 400), SAM, device)
    low = np.concatenate([blobs(1, 5), blobs(2, 5), scene(3)[-2:]]).reshape(4, 3, LOW, LOW)
    wanted = np.random.default_rng(0).uniform(size=(4, 3)) < 0.6
    found = tracer.stable(torch.from_numpy(low).to(device), wanted, threshold)
    traced = [upscaler.trace(logits) for logits in low[wanted]]
    expected = [as_values(one) if reaches(one.stability, threshold) else None for one in traced]
    assert [as_values(one) for one in found] == expected
    assert tracer.stable(torch.from_numpy(low).to(device), np.zeros_like(wanted), threshold) == []
