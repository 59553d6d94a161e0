"""Whoever counts hears of every step of a model, by its stage and its model, and of none that was spared."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagequarry.domain.geometry import Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.domain.timing import Stage, timed
from tests.fixtures.slow_segmenter import SlowSegmenter, bench, raster

CLICK = Prompt(points=(Point(3, 3),), labels=(1,))


class Heard(list[tuple[Stage, str]]):
    """The steps in their order, and the seconds of each."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def observe(self, stage: Stage, model: str, seconds: float) -> None:
        self.append((stage, model))
        self.seconds.append(seconds)


def test_a_click_and_a_search_are_heard_of_once_each(tmp_path: Path) -> None:
    heard = Heard()
    made = bench(SlowSegmenter(embed_seconds=0.05), tmp_path, observe=heard.observe)
    made.segmentation.prompted(raster(), [CLICK])
    assert heard == [("load", "slow"), ("embed", "slow"), ("prompt", "slow")]
    assert heard.seconds[1] >= 0.05
    for _ in range(2):
        made.segmentation.everything(raster())
    assert heard[3:] == [("everything", "slow")]  # the second was kept
    figures = made.segmentation.cache_figures()
    assert (figures["searches"].misses, figures["searches"].hits) == (1, 1)
    assert (figures["embeddings"].misses, figures["embeddings"].entries) == (1, 1)


def test_a_step_that_fails_took_its_time_too() -> None:
    heard = Heard()
    with pytest.raises(ZeroDivisionError), timed(heard.observe, "mesh", "relief"):
        raise ZeroDivisionError
    assert heard == [("mesh", "relief")]
