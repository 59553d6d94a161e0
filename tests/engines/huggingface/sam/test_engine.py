"""The segmenter as the rest of the program uses it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import InvalidPrompt
from tests.engines.huggingface.sam import tiny
from tests.engines.huggingface.sam.conftest import Pair

CLICK = Prompt((Point(40, 30),), (1,))


def test_a_click_gets_three_masks_of_the_picture_best_first(lively: Pair) -> None:
    embedding = lively.segmenter.embed(tiny.picture(90, 120))
    found = lively.segmenter.predict(embedding, CLICK)
    assert len(found) == 3
    assert [one.predicted_iou for one in found] == sorted((one.predicted_iou for one in found), reverse=True)
    for one in found:
        assert (one.mask.height, one.mask.width) == (90, 120)
        assert one.point == Point(40, 30)
        assert one.crop_box == Box(0, 0, 120, 90)
        assert 0 <= one.predicted_iou <= 1
        assert 0 <= one.stability_score <= 1


def test_a_click_is_answered_alike_with_masks_traced_one_by_one_and_at_once(
    lively: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding = lively.segmenter.embed(tiny.picture(90, 120))
    answers = []
    for at_once in (True, False):
        monkeypatch.setattr(lively.network, "at_once", at_once)
        answers.append(lively.segmenter.predict(embedding, CLICK))
    assert answers[0] == answers[1]


def test_a_box_is_represented_by_its_centre(lively: Pair) -> None:
    embedding = lively.segmenter.embed(tiny.picture(90, 120))
    assert lively.segmenter.predict(embedding, Prompt(box=Box(10, 20, 30, 60)))[0].point == Point(20, 40)


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(),
        Prompt((Point(1, 1),), ()),
        Prompt((Point(1, 1),), (2,)),
        Prompt((Point(float("nan"), 1),), (1,)),
        Prompt((Point(1e300, 1),), (1,)),
        Prompt((Point(1, 1),) * 1001, (1,) * 1001),
        Prompt(box=Box(0, 0, 1e300, 9)),
        Prompt(box=Box(5, 5, 5, 9)),
        Prompt(box=Box(0, 0, float("inf"), 9)),
    ],
    ids=lambda prompt: str(prompt)[:60],
)
def test_prompts_that_point_at_nothing_are_refused(lively: Pair, prompt: Prompt) -> None:
    embedding = lively.segmenter.embed(tiny.picture(30, 30))
    with pytest.raises(InvalidPrompt):
        lively.segmenter.predict(embedding, prompt)


def test_an_embedding_survives_the_disk(lively: Pair) -> None:
    embedding = lively.segmenter.embed(tiny.picture(90, 120))
    data = lively.segmenter.pack(embedding)
    again = lively.segmenter.unpack(data)
    assert len(data) < embedding.nbytes
    assert again.nbytes == embedding.nbytes
    assert lively.segmenter.predict(again, CLICK) == lively.segmenter.predict(embedding, CLICK)


def test_a_damaged_or_foreign_embedding_is_refused(lively: Pair) -> None:
    data = lively.segmenter.pack(lively.segmenter.embed(tiny.picture(90, 120)))
    from safetensors.torch import load, save

    tensors = load(data)
    strange = [data[:-7], b"", b"\xff" * 64, save(tensors | {"x": tensors["x"][:, 1:].contiguous()})]
    strange += [save({"x": tensors["x"]}), save(tensors | {"more": tensors["size"].clone()})]
    strange += [save(tensors | {"size": tensors["size"] * 0}), save(tensors | {"x": tensors["x"].half()})]
    for wrong in strange:
        with pytest.raises(ValueError, match="stored embedding"):
            lively.segmenter.unpack(wrong)


def test_memory_is_counted(lively: Pair) -> None:
    weights = sum({p.data_ptr(): p.nbytes for p in lively.published.parameters()}.values())
    assert weights < lively.segmenter.nbytes < 2 * weights
    embedding = lively.segmenter.embed(tiny.picture(90, 120))
    assert embedding.nbytes > embedding.shared.x.nbytes


def test_many_threads_on_many_pictures_get_no_answer_of_another(lively: Pair) -> None:
    rng = np.random.default_rng(1)
    pictures = [tiny.picture(60 + 10 * i, 120 - 10 * i, seed=i) for i in range(4)]
    embeddings = [lively.segmenter.embed(image) for image in pictures]
    jobs = [
        (i, Prompt((Point(float(x), float(y)),), (1,))) for i in range(4) for x, y in rng.uniform(0, 60, size=(4, 2))
    ]
    alone = [lively.segmenter.predict(embeddings[i], prompt) for i, prompt in jobs]
    start = threading.Barrier(16)

    def ask(job: tuple[int, Prompt]) -> object:
        start.wait()
        return lively.segmenter.predict(lively.segmenter.embed(pictures[job[0]]), job[1])

    with ThreadPoolExecutor(16) as threads:
        together = list(threads.map(ask, jobs))
    assert together == alone
