"""Segmenting everything, against a plain implementation of the published order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imagequarry.domain.segmenter import Everything
from imagequarry.domain.watch import Unwatched
from imagequarry.engines.huggingface.sam.candidates import Candidates
from imagequarry.engines.huggingface.sam.families import SAM, SAM2, Family
from imagequarry.engines.huggingface.sam.generator import BATCH, generate
from imagequarry.engines.huggingface.sam.network import Network
from imagequarry.errors import Cancelled, InvalidInput
from tests.engines.huggingface.sam import reference, tiny
from tests.engines.huggingface.sam.conftest import Pair
from tests.engines.huggingface.sam.toy import ToyNetwork

DEFAULTS = Everything()
WISHES = {
    "no crops": Everything(points_per_side=12, crop_n_layers=0, min_mask_region_area=0),
    "small regions": Everything(points_per_side=12, crop_n_layers=0, min_mask_region_area=60),
    "crops": Everything(points_per_side=12, crop_n_layers=1, min_mask_region_area=25),
    "two layers of crops": Everything(points_per_side=10, crop_n_layers=2, min_mask_region_area=40),
    "low thresholds": Everything(8, 0.75, 0.6, 1, 1, 30),
    "no thresholds": Everything(6, 0, 0, 1, 2, 0),
    "high thresholds": Everything(12, 0.97, 0.97, 1, 2, 0),
}


def run(network: Any, image: Any, wish: Everything) -> Candidates:
    return generate(network, image.rgb, network.embed(image.rgb), wish, Unwatched())


def assert_same(network: Network, image: Any, wish: Everything, at_least: int, rounding: float = 1e-6) -> None:
    found = run(network, image, wish).answer(wish)
    wanted = reference.everything(network, image.rgb, wish)
    assert len(wanted) >= at_least
    assert [one.mask for one in found.candidates] == reference.as_masks(wanted)
    for ours, row in zip(found.candidates, wanted, strict=True):
        assert ours.predicted_iou == pytest.approx(min(max(row.iou, 0), 1), abs=rounding)
        assert ours.stability_score == pytest.approx(row.stability, abs=1e-6)
        assert (ours.point.x, ours.point.y) == pytest.approx(row.point)
        box = ours.crop_box
        assert (box.x0, box.y0, box.x1, box.y1) == row.crop


@pytest.mark.parametrize("family", [SAM, SAM2], ids=lambda family: family.name)
@pytest.mark.parametrize("size", [(200, 310), (333, 221)], ids=str)
@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
def test_scenes_get_the_masks_of_the_reference(family: Family, size: tuple[int, int], wish: Everything) -> None:
    assert_same(ToyNetwork(family).as_network(), tiny.picture(*size), wish, at_least=1)


@pytest.mark.parametrize("wish", [WISHES["crops"], WISHES["low thresholds"]], ids=["crops", "low thresholds"])
def test_tiny_models_get_the_masks_of_the_reference(lively: Pair, wish: Everything) -> None:
    wish = replace(wish, points_per_side=6)
    lower = replace(wish, pred_iou_thresh=0.5)
    assert_same(lively.network, tiny.picture(90, 120), wish, at_least=0, rounding=lively.rounding)
    assert_same(lively.network, tiny.picture(120, 80), lower, at_least=1, rounding=lively.rounding)


@pytest.mark.parametrize("family", [SAM, SAM2], ids=lambda family: family.name)
@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
def test_many_masks_at_once_are_the_very_ones_found_one_by_one(family: Family, wish: Everything, device: str) -> None:
    image = tiny.picture(200, 310)
    found, wanted = (run(ToyNetwork(family, where), image, wish) for where in (device, None))
    assert found.kept == wanted.kept
    assert wanted.kept


def test_a_model_finds_the_same_in_both_ways(lively: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    image, wish = tiny.picture(90, 120), Everything(6, 0.5, 0.6, 1, 1, 0)
    monkeypatch.setattr("imagequarry.engines.huggingface.sam.generator.AT_ONCE", BATCH)
    found = []
    for at_once in (True, False):
        monkeypatch.setattr(lively.network, "at_once", at_once)
        found.append(run(lively.network, image, wish).kept)
    # A matrix product may round otherwise for another number of rows.
    assert len(found[0]) == pytest.approx(len(found[1]), rel=0.02)
    assert len({(one.point, one.box) for one in found[0]} ^ {(one.point, one.box) for one in found[1]}) <= 2
    assert found[1]


def test_the_documented_defaults_get_the_masks_of_the_reference() -> None:
    """8192 prompts and five encodes: the values at which transformers' own generator raises ValueError."""
    wish = replace(DEFAULTS, min_mask_region_area=100)
    assert (wish.points_per_side, wish.crop_n_layers, wish.crop_n_points_downscale_factor) == (64, 1, 2)
    network = ToyNetwork(SAM2)
    assert_same(network.as_network(), tiny.picture(96, 128), wish, at_least=10)
    assert network.encodes == 5 + 5
    assert network.batches == 8192 / BATCH + 8192 / 8


def test_every_filter_has_work_in_the_scenes() -> None:
    image, network = tiny.picture(200, 310), ToyNetwork(SAM)
    all_of_them = run(network, image, WISHES["no thresholds"])
    plain = all_of_them.answer(WISHES["no thresholds"]).candidates
    assert 20 < len(plain) < len(all_of_them.kept)
    for more in ({"pred_iou_thresh": 0.85}, {"stability_score_thresh": 0.9}, {"min_area": 900}):
        assert 0 < len(all_of_them.answer(replace(WISHES["no thresholds"], **more)).candidates) < len(plain)
    cleaned = all_of_them.answer(replace(WISHES["no thresholds"], min_mask_region_area=200)).candidates
    assert {one.mask for one in cleaned} - {one.mask for one in plain}


def test_small_masks_go_only_when_asked() -> None:
    image, network = tiny.picture(200, 310), ToyNetwork(SAM2)
    kept = run(network, image, WISHES["no crops"])
    wish = replace(WISHES["no crops"], min_area=700)
    areas = [one.mask.area for one in kept.answer(WISHES["no crops"]).candidates]
    assert [one.mask.area for one in kept.answer(wish).candidates] == [area for area in areas if area >= 700]
    assert min(areas) < 700


def test_other_thresholds_are_answered_from_what_was_kept() -> None:
    image, network = tiny.picture(200, 310), ToyNetwork(SAM)
    loose = WISHES["low thresholds"]
    kept = run(network, image, loose)
    asked = network.batches
    for tight in (replace(loose, pred_iou_thresh=0.9), replace(loose, stability_score_thresh=0.9, min_area=300)):
        assert kept.covers(tight)
        fresh = run(ToyNetwork(SAM), image, tight).answer(tight)
        assert list(kept.answer(tight).candidates) == list(fresh.candidates)
    assert network.batches == asked
    assert not kept.covers(replace(loose, pred_iou_thresh=0.7))
    assert not kept.covers(replace(loose, stability_score_thresh=0))
    assert not kept.covers(replace(loose, points_per_side=13))
    assert not kept.covers(replace(loose, crop_n_layers=0))


def test_what_is_kept_takes_kilobytes_and_says_so() -> None:
    kept = run(ToyNetwork(SAM), tiny.picture(200, 310), WISHES["low thresholds"])
    assert len(kept.kept) > 100
    texts = sum(len(one.counts) for one in kept.kept)
    assert texts < kept.nbytes < texts + 500 * len(kept.kept)
    assert kept.nbytes / len(kept.kept) < 4096


class Clock:
    """A watch that remembers, and stops the work after some checks."""

    def __init__(self, patience: int = 10**9) -> None:
        self.told: list[float] = []
        self.patience = patience

    def progress(self, fraction: float, message: str = "") -> None:
        self.told.append(fraction)

    def check(self) -> None:
        self.patience -= 1
        if self.patience < 0:
            raise Cancelled()


def test_progress_is_told_by_batch_and_ends_at_one() -> None:
    network, image, watch = ToyNetwork(SAM), tiny.picture(100, 100), Clock()
    generate(network.as_network(), image.rgb, network.embed(image.rgb), WISHES["crops"], watch)  # type: ignore[arg-type]
    assert len(watch.told) == network.batches
    assert watch.told == sorted(watch.told)
    assert watch.told[-1] == 1


def test_cancelling_stops_within_a_batch() -> None:
    network, image = ToyNetwork(SAM), tiny.picture(100, 100)
    with pytest.raises(Cancelled):
        generate(network.as_network(), image.rgb, network.embed(image.rgb), DEFAULTS, Clock(patience=4))  # type: ignore[arg-type]
    assert network.batches <= 4


def test_out_of_time_is_incomplete_and_covers_nothing() -> None:
    network, image = ToyNetwork(SAM), tiny.picture(100, 100)
    wish = replace(DEFAULTS, max_time_ms=60)
    kept = run(network, image, wish)
    assert 0 < network.batches < 8192 / BATCH
    assert not kept.answer(wish).complete
    assert not kept.covers(wish)


@pytest.mark.parametrize(
    "wrong",
    [
        {"points_per_side": 0},
        {"points_per_side": 100_000},
        {"crop_n_layers": -1},
        {"crop_n_layers": 30},
        {"crop_n_points_downscale_factor": 0},
        {"pred_iou_thresh": float("nan")},
        {"min_mask_region_area": -5},
        {"min_area": -1},
    ],
    ids=str,
)
def test_wishes_that_make_no_grid_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        run(ToyNetwork(SAM), tiny.picture(50, 50), replace(DEFAULTS, **wrong))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (50, 1)], ids=str)
def test_pictures_of_a_few_pixels_have_an_answer(size: tuple[int, int]) -> None:
    wish = Everything(points_per_side=4, crop_n_layers=2)
    assert run(ToyNetwork(SAM), tiny.picture(*size), wish).answer(wish).complete


def test_extra_memory_does_not_grow_with_the_picture() -> None:
    import tracemalloc

    wish = Everything(points_per_side=4, pred_iou_thresh=0, stability_score_thresh=0.5, crop_n_layers=0)
    peaks = []
    for size in ((600, 800), (3000, 4000)):
        network, rgb = ToyNetwork(SAM), np.zeros((*size, 3), dtype=np.uint8)
        embedding = network.embed(rgb)
        tracemalloc.start()
        kept = generate(network.as_network(), rgb, embedding, wish, Unwatched())  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(kept.kept) > 10
    assert peaks[1] < 32 * 2**20
