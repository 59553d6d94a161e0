"""Encoder, prompts and decoder against the family's own published forward in transformers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.engines.huggingface.sam import load
from imagequarry.engines.huggingface.sam.network import Network
from imagequarry.engines.huggingface.sam.preprocess import pixel_values
from imagequarry.engines.huggingface.sam.weights import Loaded
from tests.engines.huggingface.sam import tiny
from tests.engines.huggingface.sam.conftest import Pair

PROMPTS = {
    "one point": Prompt((Point(40, 30),), (1,)),
    "three points": Prompt((Point(10, 80), Point(100, 20), Point(60.5, 45.25)), (1, 0, 1)),
    "a box": Prompt(box=Box(12, 20, 70, 88)),
    "a box and points": Prompt((Point(30, 40), Point(60, 70)), (1, 0), Box(12, 20, 70, 88)),
}


def published(pair: Pair, values: torch.Tensor, prompt: Prompt, frame: Any) -> tuple[torch.Tensor, torch.Tensor]:
    arguments: dict[str, Any] = {}
    if prompt.points:
        arguments["input_points"] = torch.tensor([[[frame.point(p) for p in prompt.points]]], dtype=torch.float32)
        arguments["input_labels"] = torch.tensor([[prompt.labels]])
    if prompt.box is not None:
        arguments["input_boxes"] = torch.tensor([[frame.box(prompt.box)]], dtype=torch.float32)
    with torch.no_grad():
        answer = pair.published(pixel_values=values, **arguments)
    return answer.pred_masks[0, 0], answer.iou_scores[0, 0]


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_prompts_get_the_masks_and_scores_of_the_published_model(pair: Pair, prompt: Prompt) -> None:
    image = tiny.picture(90, 120)
    embedding = pair.segmenter.embed(image)
    values = pixel_values(image.rgb, embedding.frame, pair.network.family)
    masks, scores = published(pair, values, prompt, embedding.frame)
    attended = pair.network.prompted(embedding, prompt)
    ours = pair.network.masks(embedding, attended, 0)
    assert masks.std() > 0.01
    assert (attended.iou[0].cpu() - scores).abs().max() <= pair.rounding
    assert (ours - masks).abs().max() <= pair.rounding


def test_the_rewritten_decoder_is_the_published_one_to_the_last_digit_but_for_rounding(lively: Pair) -> None:
    # Both on the same device: sines of large arguments are not the same on all.
    device = torch.device(lively.device)
    model = copy.deepcopy(lively.published).double().to(device)
    network = Network(Loaded(lively.network.family, model, device, torch.float64))
    embedding = network.embed(tiny.picture(90, 120).rgb)
    points = np.random.default_rng(0).uniform(0, 90, (6, 2))
    attended = network.pointed(embedding, points)
    ours = torch.stack([network.masks(embedding, attended, row) for row in range(6)])
    values = pixel_values(tiny.picture(90, 120).rgb, embedding.frame, network.family, device).double()
    positions = torch.from_numpy(embedding.frame.scaled(points)).float()[None, :, None].to(device)
    labels = torch.ones(1, 6, 1, dtype=torch.int64, device=device)
    with torch.no_grad():
        answer = model(pixel_values=values, input_points=positions, input_labels=labels)
    masks, scores = answer.pred_masks[0].cpu(), answer.iou_scores[0].cpu()
    assert masks.std() > 10
    # What is left is the rounding of the answers to single precision.
    assert torch.allclose(attended.iou.double().cpu(), scores, rtol=1e-6, atol=1e-7)
    assert torch.allclose(ours.double(), masks, rtol=1e-6, atol=1e-5)


def test_a_batch_of_points_gets_what_each_point_gets_alone(pair: Pair) -> None:
    embedding = pair.segmenter.embed(tiny.picture(120, 70))
    points = np.array([[5.0, 7.0], [33.0, 100.0], [69.0, 119.0]])
    together = pair.network.pointed(embedding, points)
    for row, (x, y) in enumerate(points.tolist()):
        alone = pair.network.prompted(embedding, Prompt((Point(x, y),), (1,)))
        assert torch.allclose(together.iou[row], alone.iou[0], atol=pair.rounding)
        ours = pair.network.masks(embedding, together, row)
        assert torch.allclose(ours, pair.network.masks(embedding, alone, 0), atol=pair.rounding)


def test_mask_prompts_go_through_the_published_decoder(pair: Pair) -> None:
    image = tiny.picture(90, 120)
    embedding = pair.segmenter.embed(image)
    values = pixel_values(image.rgb, embedding.frame, pair.network.family)
    model = pair.published
    points = torch.tensor([[[[40.0, 30.0]]]])
    labels = torch.ones(1, 1, 1, dtype=torch.int64)
    drawn = torch.randn(1, 1, pair.network.decoder.side, pair.network.decoder.side)
    with torch.no_grad():
        wanted = model(pixel_values=values, input_points=points, input_labels=labels, input_masks=drawn)
        features = model.get_image_embeddings(values)
        features = tuple(features) if isinstance(features, list) else (features,)
        sparse, dense = model.prompt_encoder(points, labels, None, drawn)
        features = tuple(feature.to(pair.device) for feature in features)
        found = pair.network.decoder.published(features, sparse[0].to(pair.device), dense.to(pair.device))
        masks, scores = (tensor.cpu() for tensor in found)
    # The picture is embedded twice, which some processors round differently in the last place.
    assert torch.allclose(masks, wanted.pred_masks[0], rtol=1e-5, atol=pair.rounding)
    assert torch.allclose(scores, wanted.iou_scores[0], rtol=1e-5, atol=pair.rounding)


def test_bfloat16_agrees_with_float32_in_nearly_all_signs(pair: Pair) -> None:
    image = tiny.picture(90, 120)
    fast = load(pair.folder, pair.device, "bfloat16")
    assert pair.segmenter.exact
    assert not fast.exact
    signs = []
    for segmenter in (pair.segmenter, fast):
        embedding = segmenter.embed(image)
        attended = segmenter._network.pointed(embedding, np.array([[40.0, 30.0], [100.0, 60.0]]))
        signs.append(np.stack([segmenter._network.logits(embedding, attended, row) for row in (0, 1)]) > 0)
    assert (signs[0] == signs[1]).mean() > 0.8
