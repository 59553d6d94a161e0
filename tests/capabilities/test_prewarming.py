"""Prewarming: what was uploaded is embedded in the background, and never at the cost of anybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagequarry.capabilities.prewarming import Prewarmer
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.geometry import Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Prompt
from tests.fixtures.slow_segmenter import SlowEmbedding, SlowSegmenter, bench, raster

CLICK = Prompt((Point(3, 3),), (1,))


@contextmanager
def prewarmer(segmentation: Segmentation, *, enabled: bool = True) -> Iterator[Prewarmer]:
    warmer = Prewarmer(segmentation, enabled=enabled)
    try:
        yield warmer
    finally:
        warmer.close()


def until(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not happened() and time.monotonic() < end:
        time.sleep(0.005)
    return happened()


@pytest.mark.alone
def test_the_first_click_finds_the_embedding_ready(tmp_path: Path) -> None:
    engine = SlowSegmenter(embed_seconds=0.3)
    server = bench(engine, tmp_path)
    with prewarmer(server.segmentation) as warmer:
        started = time.perf_counter()
        warmer.soon(raster())
        assert time.perf_counter() - started < 0.2
        assert until(lambda: server.embeddings.figures().entries == 1)
        started = time.perf_counter()
        server.segmentation.prompted(raster(), [CLICK])
        assert time.perf_counter() - started < 0.2
    assert engine.embeds == 1


def test_a_click_meanwhile_waits_for_the_embedding_under_way_and_makes_none_of_its_own(tmp_path: Path) -> None:
    engine = SlowSegmenter(embed_seconds=0.3)
    server = bench(engine, tmp_path)
    with prewarmer(server.segmentation) as warmer:
        warmer.soon(raster())
        assert until(lambda: engine.embeds == 1)
        server.segmentation.prompted(raster(), [CLICK])
    assert engine.embeds == 1


def test_without_the_setting_nothing_is_embedded(tmp_path: Path) -> None:
    engine = SlowSegmenter()
    with prewarmer(bench(engine, tmp_path).segmentation, enabled=False) as warmer:
        warmer.soon(raster())
        time.sleep(0.1)
    assert engine.embeds == 0


def test_uploads_that_outrun_the_model_are_left_to_their_clicks(tmp_path: Path) -> None:
    engine = SlowSegmenter(embed_seconds=0.05)
    server = bench(engine, tmp_path)
    with prewarmer(server.segmentation) as warmer:
        for seed in range(40):
            warmer.soon(raster(seed))
        assert until(lambda: engine.embeds >= 8)
        time.sleep(0.3)
        assert engine.embeds < 12
        warmer.soon(raster(99))
        before = engine.embeds
        assert until(lambda: engine.embeds == before + 1)


class Failing(SlowSegmenter):
    """Fails on the first picture."""

    def embed(self, image: Raster) -> SlowEmbedding:
        if super().embed(image) and self.embeds == 1:
            raise RuntimeError("no luck")
        return super().embed(image)


def test_a_failure_is_a_line_in_the_log_and_the_next_picture_is_embedded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = bench(Failing(), tmp_path)
    with prewarmer(server.segmentation) as warmer:
        warmer.soon(raster(1))
        warmer.soon(raster(2))
        assert until(lambda: server.embeddings.figures().entries == 1)
    assert "prewarming failed" in caplog.text


@pytest.mark.alone
def test_after_the_end_nothing_fails_and_nothing_waits(tmp_path: Path) -> None:
    engine = SlowSegmenter(embed_seconds=0.1)
    with prewarmer(bench(engine, tmp_path).segmentation) as warmer:
        for seed in range(5):
            warmer.soon(raster(seed))
        started = time.perf_counter()
        warmer.close()
        assert time.perf_counter() - started < 0.2
        warmer.soon(raster(9))
        assert until(lambda: not any(thread.name.startswith("prewarm") for thread in threading.enumerate()))
    assert engine.embeds <= 2
