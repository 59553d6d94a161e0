"""Suppression of boxes, against a plain loop."""

from __future__ import annotations

import numpy as np

from imagequarry.engines.huggingface.sam.nms import suppress
from tests.engines.huggingface.sam import reference


def test_the_same_boxes_stay_as_in_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    for count in (0, 1, 40, 200):
        corners = rng.integers(0, 60, size=(count, 2))
        boxes = np.concatenate((corners, corners + rng.integers(0, 40, size=(count, 2))), axis=1)
        # Few scores, so that many are equal.
        scores = rng.integers(0, 5, size=count) / 4
        wanted = reference.nms([tuple(box) for box in boxes.tolist()], scores.tolist(), 0.5)
        assert suppress(boxes.astype(np.float32), scores, 0.5).tolist() == wanted


def test_boxes_without_area_suppress_nothing() -> None:
    assert suppress(np.zeros((3, 4), dtype=np.float32), np.ones(3), 0.7).tolist() == [0, 1, 2]


def test_an_overlap_on_the_threshold_is_none() -> None:
    boxes = np.array([[0, 0, 10, 1], [0, 0, 7, 1]], dtype=np.float32)
    assert len(suppress(boxes, np.array([1.0, 0.5]), 0.7)) == 2
    assert len(suppress(boxes, np.array([1.0, 0.5]), 0.69)) == 1
