"""The region tree answers every prompt on every picture, with masks that agree with their figures."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Everything, Prompt
from imagequarry.domain.watch import Unwatched
from imagequarry.engines.embedded.region_tree import CARD, RegionTree
from imagequarry.engines.embedded.region_tree.embedding import RegionEmbedding
from imagequarry.errors import Cancelled, InvalidPrompt

ENGINE = RegionTree()
ALL = Everything(32, 0.0, 0.0, 0, 2, 0, 0)


def raster(rgb: NDArray[np.uint8]) -> Raster:
    return Raster(np.ascontiguousarray(rgb), "0" * 64)


def with_disc(height: int, width: int, x: int, y: int, radius: int) -> tuple[Raster, NDArray[np.bool_]]:
    """A red disc on grey noise, and where it is."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(100, 120, (height, width, 3)).astype(np.uint8)
    rows, columns = np.ogrid[:height, :width]
    disc = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    rgb[disc] = (200, 40, 40)
    return raster(rgb), disc


def overlap(candidate: Candidate, truth: NDArray[np.bool_]) -> float:
    mask = candidate.mask.array()
    return float((mask & truth).sum() / (mask | truth).sum())


def assert_sound(candidates: list[Candidate], image: Raster) -> None:
    """Different masks of the picture's size, scores falling and in range."""
    scores = [candidate.predicted_iou for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert len({candidate.mask.counts for candidate in candidates}) == len(candidates)
    for candidate in candidates:
        mask = candidate.mask.array()
        assert mask.shape == image.size
        assert mask.any()
        assert 0 <= candidate.predicted_iou <= 1
        assert 0 <= candidate.stability_score <= 1
        assert mask[int(candidate.point.y), int(candidate.point.x)]


@pytest.fixture(scope="module")
def coffee() -> Raster:
    return raster(data.coffee())


@pytest.fixture(scope="module")
def embedding(coffee: Raster) -> RegionEmbedding:
    return ENGINE.embed(coffee)


def test_a_click_on_a_disc_finds_the_disc() -> None:
    image, disc = with_disc(300, 400, 150, 120, 60)
    candidates = ENGINE.predict(ENGINE.embed(image), Prompt((Point(150, 120),), (1,)))
    assert_sound(candidates, image)
    assert len(candidates) == 3
    assert max(overlap(candidate, disc) for candidate in candidates) > 0.95


def test_a_box_round_a_disc_finds_the_disc() -> None:
    image, disc = with_disc(300, 400, 150, 120, 60)
    candidates = ENGINE.predict(ENGINE.embed(image), Prompt(box=Box(89, 59, 212, 182)))
    assert_sound(candidates, image)
    assert len(candidates) == 3
    assert overlap(candidates[0], disc) > 0.93


def test_a_disc_on_a_large_picture_is_outlined_at_full_size() -> None:
    image, disc = with_disc(2400, 3200, 1200, 1000, 500)
    candidates = ENGINE.predict(ENGINE.embed(image), Prompt((Point(1200, 1000),), (1,)))
    assert max(overlap(candidate, disc) for candidate in candidates) > 0.985


def test_a_background_click_takes_its_region_away(coffee: Raster, embedding: RegionEmbedding) -> None:
    candidates = ENGINE.predict(embedding, Prompt((Point(300, 200), Point(40, 40)), (1, 0)))
    assert_sound(candidates, coffee)
    best = candidates[0].mask.array()
    assert best[200, 300]
    assert not best[40, 40]


def test_background_clicks_alone_leave_the_rest() -> None:
    image, disc = with_disc(200, 200, 100, 100, 40)
    candidates = ENGINE.predict(ENGINE.embed(image), Prompt((Point(100, 100),), (0,)))
    assert_sound(candidates, image)
    assert max(overlap(candidate, ~disc) for candidate in candidates) > 0.95
    assert all(not candidate.mask.array()[100, 100] for candidate in candidates[:1])


def test_a_box_with_clicks_obeys_the_clicks(coffee: Raster, embedding: RegionEmbedding) -> None:
    prompt = Prompt((Point(300, 200), Point(500, 350)), (1, 0), Box(150, 60, 520, 370))
    candidates = ENGINE.predict(embedding, prompt)
    assert_sound(candidates, coffee)
    best = candidates[0].mask.array()
    assert best[200, 300]
    assert not best[350, 500]


def test_many_clicks_are_answered(coffee: Raster, embedding: RegionEmbedding) -> None:
    rng = np.random.default_rng(1)
    points = tuple(Point(float(x), float(y)) for x, y in rng.uniform((0, 0), (600, 400), (40, 2)))
    labels = tuple(int(label) for label in rng.integers(0, 2, 40))
    candidates = ENGINE.predict(embedding, Prompt(points, labels))
    assert_sound(candidates, coffee)
    assert len(candidates) == 3


@pytest.mark.parametrize(
    ("height", "width", "answers"),
    [(1, 1, 1), (1, 2, 3), (2, 2, 3), (1, 50, 3), (3, 2000, 3), (2000, 3, 3), (8, 8, 3), (64, 64, 3), (17, 501, 3)],
)
def test_a_picture_of_one_colour_is_answered_at_every_size(height: int, width: int, answers: int) -> None:
    image = raster(np.full((height, width, 3), 77, np.uint8))
    embedding = ENGINE.embed(image)
    x, y = width // 2, height // 2
    everywhere = Box(0, 0, width, height)
    for prompt in (
        Prompt((Point(x, y),), (1,)),
        Prompt((Point(x, y),), (0,)),
        Prompt((Point(x, y), Point(0, 0)), (1, 0)),
        Prompt(box=everywhere),
        Prompt((Point(x, y),), (1,), everywhere),
    ):
        candidates = ENGINE.predict(embedding, prompt)
        assert_sound(candidates, image)
        assert len(candidates) == answers or (prompt.labels == (0,) and candidates)
    assert ENGINE.everything(image, embedding, ALL, Unwatched()).complete


def test_a_box_on_a_plain_picture_means_itself() -> None:
    image = raster(np.full((100, 100, 3), 77, np.uint8))
    best = ENGINE.predict(ENGINE.embed(image), Prompt(box=Box(20, 30, 60, 70)))[0]
    assert best.mask.box == Box(20, 30, 60, 70)


def test_a_picture_of_noise_is_answered() -> None:
    image = raster(np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8))
    embedding = ENGINE.embed(image)
    assert_sound(ENGINE.predict(embedding, Prompt((Point(3, 3),), (1,))), image)


def test_a_prompt_of_nothing_is_refused(coffee: Raster, embedding: RegionEmbedding) -> None:
    with pytest.raises(InvalidPrompt):
        ENGINE.predict(embedding, Prompt())
    with pytest.raises(InvalidPrompt):
        ENGINE.predict(embedding, Prompt((Point(1, 1),), ()))
    with pytest.raises(InvalidPrompt):
        ENGINE.predict(embedding, Prompt((Point(float("nan"), 1),), (1,)))
    with pytest.raises(InvalidPrompt):
        ENGINE.predict(embedding, Prompt(box=Box(0, 0, float("inf"), 5)))


def test_points_beyond_the_frame_count_as_on_it(coffee: Raster, embedding: RegionEmbedding) -> None:
    beyond = ENGINE.predict(embedding, Prompt((Point(-50, 9999),), (1,)))
    corner = ENGINE.predict(embedding, Prompt((Point(0, 399),), (1,)))
    assert [c.mask for c in beyond] == [c.mask for c in corner]


def test_an_embedding_is_small_and_the_same_each_time(coffee: Raster, embedding: RegionEmbedding) -> None:
    one, two = embedding, ENGINE.embed(coffee)
    assert one.nbytes < 8_000_000
    assert np.array_equal(one.leaves.label, two.leaves.label)
    assert np.array_equal(one.table.bits, two.table.bits)


def test_threads_share_an_embedding(coffee: Raster, embedding: RegionEmbedding) -> None:
    prompt = Prompt((Point(300, 200), Point(40, 40)), (1, 0))
    expected = [c.mask for c in ENGINE.predict(embedding, prompt)]
    got: list[list[object]] = []
    threads = [
        threading.Thread(target=lambda: got.append([c.mask for c in ENGINE.predict(embedding, prompt)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


class Stop:
    """A watch that cancels at the third look."""

    def __init__(self) -> None:
        self.looks = 0

    def progress(self, fraction: float, message: str = "") -> None:
        assert 0 <= fraction <= 1

    def check(self) -> None:
        self.looks += 1
        if self.looks == 3:
            raise Cancelled


def test_everything_on_a_photograph_gives_useful_masks(coffee: Raster, embedding: RegionEmbedding) -> None:
    found = ENGINE.everything(coffee, embedding, CARD.everything, Unwatched())
    assert found.complete
    assert_sound(list(found.candidates), coffee)
    assert 10 <= len(found.candidates) <= 150
    for candidate in found.candidates:
        assert candidate.crop_box == Box(0, 0, 600, 400)


def test_thresholds_named_by_the_caller_are_obeyed(coffee: Raster, embedding: RegionEmbedding) -> None:
    everything = ENGINE.everything(coffee, embedding, ALL, Unwatched()).candidates
    middle = sorted(c.predicted_iou for c in everything)[len(everything) // 2]
    strict = ENGINE.everything(coffee, embedding, Everything(32, middle, 0.0, 0, 2, 0, 0), Unwatched()).candidates
    assert 0 < len(strict) < len(everything)
    assert all(candidate.predicted_iou > middle for candidate in strict)
    steady = ENGINE.everything(coffee, embedding, Everything(32, 0.0, 0.3, 0, 2, 0, 0), Unwatched()).candidates
    assert steady
    assert all(candidate.stability_score > 0.3 for candidate in steady)
    large = ENGINE.everything(coffee, embedding, Everything(32, 0.0, 0.0, 0, 2, 0, 9000), Unwatched()).candidates
    assert large
    assert all(candidate.mask.area >= 9000 for candidate in large)


def test_a_coarse_grid_finds_only_what_it_hits(coffee: Raster, embedding: RegionEmbedding) -> None:
    found = ENGINE.everything(coffee, embedding, Everything(1, 0.0, 0.0, 0, 2, 0, 0), Unwatched()).candidates
    assert found
    assert all(candidate.mask.array()[200, 300] for candidate in found)


def test_crops_find_finer_regions_and_say_where() -> None:
    image, disc = with_disc(1000, 1200, 1000, 800, 18)
    embedding = ENGINE.embed(image)
    found = ENGINE.everything(image, embedding, Everything(64, 0.0, 0.0, 1, 1, 0, 0), Unwatched()).candidates
    near = [c for c in found if abs(c.mask.area - int(disc.sum())) < 300]
    best = max(near, key=lambda candidate: overlap(candidate, disc))
    assert overlap(best, disc) > 0.9
    assert best.crop_box != Box(0, 0, 1200, 1000)
    assert {candidate.mask.size for candidate in found} == {(1000, 1200)}


def test_no_time_gives_an_incomplete_answer(coffee: Raster, embedding: RegionEmbedding) -> None:
    found = ENGINE.everything(coffee, embedding, Everything(max_time_ms=0), Unwatched())
    assert not found.complete


def test_everything_stops_when_it_is_cancelled(coffee: Raster, embedding: RegionEmbedding) -> None:
    with pytest.raises(Cancelled):
        ENGINE.everything(coffee, embedding, ALL, Stop())


def test_the_card_names_an_engine_without_weights() -> None:
    assert (CARD.name, CARD.task, CARD.family) == ("region-tree", "segment", "embedded")
    assert CARD.size_mb <= 1
