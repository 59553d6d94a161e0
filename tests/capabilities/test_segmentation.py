"""Segmentation: one embedding for all prompts, searches kept for other thresholds, and clicks before grids."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Found, Prompt
from imagequarry.errors import Cancelled, InvalidPrompt, ModelNotFound
from tests.fixtures.slow_segmenter import CARD, SlowEmbedding, SlowSegmenter, bench, raster

CLICK = Prompt((Point(3, 3),), (1,))


class Leaving:
    """A watch whose caller goes when told to."""

    def __init__(self) -> None:
        self.gone = threading.Event()

    def progress(self, fraction: float, message: str = "") -> None:
        pass

    def check(self) -> None:
        if self.gone.is_set():
            raise Cancelled


def test_prompts_are_answered_in_their_order_from_one_embedding(tmp_path: Path) -> None:
    engine = SlowSegmenter()
    segmentation = bench(engine, tmp_path).segmentation
    prompts = [Prompt((Point(float(x), 0),), (1,)) for x in (20, 4, 12)]
    answer = segmentation.prompted(raster(), prompts, most=2)
    assert [candidate.mask.box.x0 for candidate in answer.candidates] == [20, 20, 4, 4, 12, 12]
    assert (answer.model, engine.embeds) == ("slow", 1)
    segmentation.prompted(raster(), [CLICK])
    assert engine.embeds == 1
    segmentation.prompted(raster(seed=1), [CLICK])
    assert engine.embeds == 2


def test_fifty_clicks_at_once_on_a_new_picture_cause_one_embedding(tmp_path: Path) -> None:
    engine = SlowSegmenter(embed_seconds=0.2)
    segmentation = bench(engine, tmp_path).segmentation
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: segmentation.prompted(raster(), [CLICK]), range(50)))
    assert engine.embeds == 1
    assert {len(answer.candidates) for answer in answers} == {3}


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (Prompt(), "at least one point or a box"),
        (Prompt((Point(1, 1),) * 257, (1,) * 257), "256 points at most"),
        (Prompt((Point(1, 1),), (1, 0)), "1 points but 2 labels"),
        (Prompt((Point(1, 1),), (2,)), "1 .foreground. or 0"),
        (Prompt((Point(32, 1),), (1,)), "lies outside: the picture is 32 x 32"),
        (Prompt((Point(-1, 1),), (1,)), "lies outside"),
        (Prompt((Point(float("nan"), 1),), (1,)), "lies outside"),
        (Prompt(box=Box(0, 0, 33, 10)), "empty or lies outside"),
        (Prompt(box=Box(5, 5, 5, 10)), "empty or lies outside"),
    ],
)
def test_what_makes_no_prompt_is_refused_before_the_model_is_asked(tmp_path: Path, prompt: Prompt, said: str) -> None:
    engine = SlowSegmenter()
    with pytest.raises(InvalidPrompt, match=said):
        bench(engine, tmp_path).segmentation.prompted(raster(), [CLICK, prompt])
    assert engine.embeds == 0


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"'vit_x'.*There are: slow"):
        bench(SlowSegmenter(), tmp_path).segmentation.prompted(raster(), [CLICK], "vit_x")


def test_the_card_s_defaults_hold_where_the_caller_names_none(tmp_path: Path) -> None:
    segmentation = bench(SlowSegmenter(), tmp_path).segmentation
    assert len(segmentation.everything(raster()).candidates) == 2
    assert len(segmentation.everything(raster(), {"pred_iou_thresh": None}).candidates) == 2
    assert (
        len(segmentation.everything(raster(), {"pred_iou_thresh": 0.7, "stability_score_thresh": 0.7}).candidates) == 5
    )


def test_other_thresholds_on_the_same_picture_ask_no_model(tmp_path: Path) -> None:
    engine = SlowSegmenter()
    segmentation = bench(engine, tmp_path).segmentation
    first = segmentation.everything(raster())
    for low, expected in ((0.65, 6), (0.7, 5), (0.95, 1), (0.99, 1)):
        found = segmentation.everything(raster(), {"pred_iou_thresh": low, "stability_score_thresh": low})
        assert len(found.candidates) == expected
        assert found.candidates[0] == first.candidates[0]
    assert segmentation.everything(raster(), {"min_area": 17}).candidates == ()
    assert (engine.searches, engine.batches) == (1, 16)


def test_kept_answers_are_those_of_a_search_of_their_own(tmp_path: Path) -> None:
    kept = bench(SlowSegmenter(), tmp_path).segmentation
    kept.everything(raster())
    for low in (0.6, 0.7, 0.85, 0.93):
        named = {"pred_iou_thresh": low, "stability_score_thresh": low}
        own = bench(SlowSegmenter(), tmp_path).segmentation
        assert kept.everything(raster(), named) == own.everything(raster(), named)


@pytest.mark.parametrize(
    "named",
    [
        {"points_per_side": 5},
        {"crop_n_layers": 0},
        {"pred_iou_thresh": 0.3},
        {"stability_score_thresh": 0.1},
        {"crop_n_points_downscale_factor": 3},
    ],
)
def test_another_grid_or_lower_thresholds_than_were_kept_search_anew(tmp_path: Path, named: dict[str, float]) -> None:
    engine = SlowSegmenter()
    segmentation = bench(engine, tmp_path).segmentation
    segmentation.everything(raster())
    segmentation.everything(raster(), named)
    assert engine.searches == 2
    segmentation.everything(raster(), named)
    assert engine.searches == 2


def test_another_picture_is_searched_anew(tmp_path: Path) -> None:
    engine = SlowSegmenter()
    segmentation = bench(engine, tmp_path).segmentation
    for seed in (1, 2, 1):
        segmentation.everything(raster(seed))
    assert engine.searches == 2


def test_ten_equal_searches_at_once_are_one(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.02)
    segmentation = bench(engine, tmp_path).segmentation
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: segmentation.everything(raster()), range(10)))
    assert engine.searches == 1
    assert all(answer == answers[0] for answer in answers)


def test_a_search_that_time_ended_is_marked_and_not_kept(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.02)
    segmentation = bench(engine, tmp_path).segmentation
    short = segmentation.everything(raster(), {"max_time_ms": 50, "pred_iou_thresh": 0, "stability_score_thresh": 0})
    assert short.complete is False
    assert 0 < len(short.candidates) < 16
    whole = segmentation.everything(raster(), {"pred_iou_thresh": 0, "stability_score_thresh": 0})
    assert (whole.complete, len(whole.candidates), engine.searches) == (True, 16, 2)


def test_a_time_limit_is_no_matter_where_the_search_is_kept(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.02)
    segmentation = bench(engine, tmp_path).segmentation
    whole = segmentation.everything(raster())
    assert segmentation.everything(raster(), {"max_time_ms": 1}) == whole
    assert engine.searches == 1


def test_a_caller_who_leaves_during_a_search_takes_it_from_nobody_else(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.03)
    segmentation = bench(engine, tmp_path).segmentation
    leaving = Leaving()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(segmentation.everything, raster(), watch=leaving)
        assert engine.begun.wait(10)
        others = [threads.submit(segmentation.everything, raster()) for _ in range(3)]
        time.sleep(0.05)
        leaving.gone.set()
        with pytest.raises(Cancelled):
            first.result(10)
        answers = [other.result(10) for other in others]
    assert [len(answer.candidates) for answer in answers] == [2, 2, 2]
    assert engine.searches == 2


def test_a_caller_who_waits_for_the_search_of_another_can_leave(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.2)
    segmentation = bench(engine, tmp_path).segmentation
    leaving = Leaving()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(segmentation.everything, raster())
        assert engine.begun.wait(10)
        second = threads.submit(segmentation.everything, raster(), watch=leaving)
        leaving.gone.set()
        with pytest.raises(Cancelled):
            second.result(10)
        assert not first.done()
        assert len(first.result(20).candidates) == 2
    assert engine.searches == 1


@pytest.mark.alone
def test_a_click_does_not_wait_for_a_grid(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.05, click_seconds=0.01)
    segmentation = bench(engine, tmp_path).segmentation
    segmentation.prepare(raster())
    with ThreadPoolExecutor(1) as threads:
        grid = threads.submit(segmentation.everything, raster(), {"points_per_side": 8})
        assert engine.begun.wait(10)
        waits = []
        for _ in range(10):
            started = time.perf_counter()
            segmentation.prompted(raster(), [CLICK])
            waits.append(time.perf_counter() - started)
        assert not grid.done()
        grid.result(60)
    # 64 batches of 50 ms are the whole grid; a click takes 10 ms and may meet one batch.
    assert sorted(waits)[5] < 0.1
    assert max(waits) < 1


def test_a_grid_rests_while_clicks_are_answered(tmp_path: Path) -> None:
    engine = SlowSegmenter(batch_seconds=0.01, click_seconds=0.5)
    segmentation = bench(engine, tmp_path).segmentation
    segmentation.prepare(raster())
    with ThreadPoolExecutor(2) as threads:
        grid = threads.submit(segmentation.everything, raster(), {"points_per_side": 20})
        assert engine.begun.wait(10)
        click = threads.submit(segmentation.prompted, raster(), [CLICK])
        time.sleep(0.1)
        before = engine.batches
        click.result(10)
        during = engine.batches - before
        grid.result(60)
    # In the 400 ms that were left to the click, a grid that took no notice would have done some forty batches.
    assert during <= 3


class WithoutCandidates:
    """An engine whose searches are not worth keeping."""

    nbytes = 0

    def __init__(self, seconds: float) -> None:
        self.inner = SlowSegmenter()
        self.seconds = seconds
        self.at_once = self.most = self.searches = 0

    def embed(self, image: Raster) -> SlowEmbedding:
        return self.inner.embed(image)

    def predict(self, embedding: SlowEmbedding, prompt: Prompt) -> list[Candidate]:
        return self.inner.predict(embedding, prompt)

    def everything(self, *words: object) -> Found:
        self.searches += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        time.sleep(self.seconds)
        self.at_once -= 1
        return Found([])


@pytest.mark.parametrize(("family", "at_once"), [("embedded", 1), ("remote", 2)])
def test_searches_take_turns_except_those_that_are_done_elsewhere(tmp_path: Path, family: str, at_once: int) -> None:
    engine = WithoutCandidates(0.3)
    card = replace(CARD, family=family)  # type: ignore[arg-type]
    segmentation = bench(engine, tmp_path, card=card).segmentation
    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(segmentation.everything, raster(seed), model="slow") for seed in (1, 2)]:
            assert future.result(10).model == "slow"
    assert (engine.most, engine.searches) == (at_once, 2)
