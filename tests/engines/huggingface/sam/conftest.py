"""The tiny models, saved once and loaded once per family and device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagequarry.engines.huggingface.sam import load
from imagequarry.engines.huggingface.sam.engine import SamSegmenter
from imagequarry.engines.huggingface.sam.network import Network
from tests.engines.huggingface.sam import tiny

FAMILIES = ("sam", "sam2", "edgetam", "sam3")


@dataclass(frozen=True)
class Pair:
    """A model as transformers runs it on the processor, and as we do on a device, from the same folder.

    ``rounding`` is by how much the answers may differ for the order of sums alone.
    """

    published: Any
    folder: Path
    segmenter: SamSegmenter
    device: str
    rounding: float

    @property
    def network(self) -> Network:
        return self.segmenter._network


def pair_of(family: str, device: str, folder: Path, *, tuned: bool) -> Pair:
    model = getattr(tiny, family)(tuned=tuned)
    tiny.saved(model, folder)
    return Pair(model, folder, load(folder, device), device, 1e-5 if device == "cpu" else 1e-4)


@pytest.fixture(scope="session", params=FAMILIES)
def pair(request: pytest.FixtureRequest, device: str, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A model of ordinary random weights."""
    return pair_of(request.param, device, tmp_path_factory.mktemp("plain"), tuned=False)


@pytest.fixture(scope="session", params=FAMILIES)
def lively(request: pytest.FixtureRequest, device: str, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A model whose masks are worth filtering."""
    return pair_of(request.param, device, tmp_path_factory.mktemp("tuned"), tuned=True)
