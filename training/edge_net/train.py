"""Fit the edge network on the train part of BSDS500: `python -m training.edge_net.train BSDS OUT.pt`."""

import argparse
import math
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.edge_net.ground_truth import CELL, ORIENTATIONS, Example, example, photographs
from training.edge_net.network import EdgeNet

SCALES = (0.7, 1.0, 1.35)
CROP = 256
WINDOWS, POINTS = 4, 96  # pairs for the grouping feature: windows per crop, points per window
NEAR = 3.0  # logit of "same region" for two equal features
GROUPING = 0.05  # weight of the grouping loss beside the edge loss
PEOPLE = 4  # people whose opinion each pair is asked

T = TypeVar("T", bound=np.generic)


class Crops:
    """Random augmented crops of the examples."""

    def __init__(self, examples: Sequence[Example], seed: int) -> None:
        self._examples = examples
        self._random = np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (n, 3, c, c) in 0..1, edges (n, 32, c/2, c/2) in 0..255, labels (n, people, c/4, c/4)."""
        drawn = [self._crop(self._examples[i]) for i in self._random.integers(len(self._examples), size=size)]
        rgb, edges, labels = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
        return rgb.permute(0, 3, 1, 2), edges.permute(0, 3, 1, 2), labels

    def _crop(self, whole: Example) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int16]]:
        random, (height, width) = self._random, whole.rgb.shape[:2]
        y = CELL * int(random.integers((height - CROP) // CELL + 1)) if height > CROP else 0
        x = CELL * int(random.integers((width - CROP) // CELL + 1)) if width > CROP else 0
        rows, columns = slice(y, y + CROP), slice(x, x + CROP)
        rgb = _to_size(self._recolour(whole.rgb[rows, columns]), CROP)
        edges = _to_size(whole.edges[rows, columns], CROP)
        cells = whole.labels[:, y // CELL : (y + CROP) // CELL, x // CELL : (x + CROP) // CELL]
        people = random.permutation(np.resize(np.arange(len(cells)), max(PEOPLE, len(cells))))[:PEOPLE]
        labels = _to_size(cells[people].transpose(1, 2, 0), CROP // CELL)
        turn, mirror = int(random.integers(4)), bool(random.integers(2))
        edges = _turned(edges, turn, mirror)
        if turn % 2:  # directions turn by a right angle too
            edges = np.roll(edges, ORIENTATIONS // 2, 2)
        if mirror:
            edges = edges[..., -np.arange(ORIENTATIONS) % ORIENTATIONS]
        labels = _turned(labels, turn, mirror).transpose(2, 0, 1)
        return np.ascontiguousarray(_turned(rgb, turn, mirror)), fold_pixels(edges), labels.copy()

    def _recolour(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Other light: gain, offset and saturation; now and then grey or blurred, noisy or as after strong JPEG."""
        random = self._random
        if random.random() < 0.15:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(30, 80))]
            rgb = np.asarray(cv2.imdecode(cv2.imencode(".jpg", rgb, quality)[1], cv2.IMREAD_COLOR), np.uint8)
        # Saturation, gain and offset are one affine map of a pixel's three values.
        saturation = 0.0 if random.random() < 0.08 else random.uniform(0.6, 1.4)
        gain = random.uniform(0.7, 1.3) * random.uniform(0.9, 1.1, 3)
        matrix = gain[:, None] * (saturation * np.eye(3) + (1 - saturation) / 3)
        offset = 0.45 * (1 - gain) + random.uniform(-0.12, 0.12)
        x = cv2.transform(rgb.astype(np.float32), np.c_[matrix / 255, offset].astype(np.float32))
        if random.random() < 0.15:
            x = cv2.GaussianBlur(x, (0, 0), random.uniform(0.4, 1.2))
        if random.random() < 0.2:
            x = x + np.float32(random.uniform(0.005, 0.03)) * random.standard_normal(x.shape, np.float32)
        return np.asarray(np.clip(x, 0, 1), np.float32)


def _to_size(part: NDArray[T], side: int) -> NDArray[T]:
    """A crop that ends at the picture's frame is filled up by its mirror image."""
    below, right = side - part.shape[0], side - part.shape[1]
    return np.pad(part, ((0, below), (0, right), (0, 0)), "symmetric") if below or right else part


def _turned(part: NDArray[T], turn: int, mirror: bool) -> NDArray[T]:
    """Turned by right angles, then mirrored left to right."""
    part = np.rot90(part, turn)
    return part[:, ::-1] if mirror else part


def fold_pixels(edges: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 8) -> (h/2, w/2, 32), in the order of the network's planes."""
    height, width, planes = edges.shape
    split = edges.reshape(height // 2, 2, width // 2, 2, planes)
    return np.ascontiguousarray(split.transpose(0, 2, 4, 1, 3)).reshape(height // 2, width // 2, 4 * planes)


def edge_loss(logits: Tensor, edges: Tensor, emphasis: float) -> Tensor:
    """Cross-entropy against the share of people, boundaries weighted up (n, 32, h/2, w/2)."""
    target = edges.float() / 255
    weight = 1 + emphasis * target
    return (weight * functional.binary_cross_entropy_with_logits(logits, target, reduction="none")).mean()


def grouping_loss(features: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Cross-entropy of "these two cells are one region", for pairs within random windows, against people's opinion."""
    height, width = features.shape[2:]
    total = features.new_zeros(())
    for _ in range(WINDOWS):
        side = int(8 * 2 ** (3 * torch.rand((), generator=generator)))
        y = int(torch.randint(height - side + 1, (), generator=generator))
        x = int(torch.randint(width - side + 1, (), generator=generator))
        index = torch.randint(side * side, (POINTS,), generator=generator)
        rows, columns = y + index // side, x + index % side
        chosen, theirs = features[:, :, rows, columns], labels[:, :, rows, columns]
        norm = chosen.square().sum(1)
        square = (norm[:, :, None] + norm[:, None] - 2 * chosen.transpose(1, 2) @ chosen).clamp(min=0)
        same = (theirs[..., None] == theirs[:, :, None]).float().mean(1)
        total = total + functional.binary_cross_entropy_with_logits(NEAR - square, same)
    return total / WINDOWS


@torch.no_grad()
def validate(net: EdgeNet, examples: Sequence[Example], emphasis: float) -> tuple[float, float]:
    """The two losses on whole pictures."""
    net.eval()
    generator, losses = torch.Generator().manual_seed(0), []
    for one in examples:
        height, width = (side // 16 * 16 for side in one.rgb.shape[:2])
        rgb = torch.from_numpy(one.rgb[:height, :width]).permute(2, 0, 1)[None].float() / 255
        edges = torch.from_numpy(fold_pixels(one.edges[:height, :width])).permute(2, 0, 1)[None]
        labels = torch.from_numpy(one.labels[None, :, : height // CELL, : width // CELL])
        logits, features = net(rgb)
        losses.append((float(edge_loss(logits, edges, emphasis)), float(grouping_loss(features, labels, generator))))
    net.train()
    edge, grouping = np.mean(losses, 0)
    return float(edge), float(grouping)


def train(
    bsds: Path, out: Path, minutes: float, *, batch: int, peak: float, emphasis: float, start: Path | None
) -> None:
    """Fit for so many minutes with one rise and fall of the learning rate; keeps a running mean of the weights."""
    examples = [example(rgb, people, s) for _, rgb, people in photographs(bsds, "train") for s in SCALES]
    held_out = [example(rgb, people, 1.0) for _, rgb, people in list(photographs(bsds, "val"))[:40]]
    print(f"{len(examples)} examples", flush=True)
    torch.manual_seed(0)
    net = EdgeNet()
    if start:
        net.load_state_dict(torch.load(start))
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = deepcopy(net)
    crops, generator = Crops(examples, 0), torch.Generator().manual_seed(0)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98))
    begun, step, reported = time.monotonic(), 0, 0.0
    while (done := (time.monotonic() - begun) / (60 * minutes)) < 1:
        rate = peak * min(done / 0.05, 1) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimiser.param_groups:
            group["lr"] = max(rate, 1e-6)
        rgb, edges, labels = crops.batch(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, features = net(rgb.contiguous(memory_format=torch.channels_last))
        edge = edge_loss(logits.float(), edges, emphasis)
        grouping = grouping_loss(features.float(), labels, generator)
        optimiser.zero_grad()
        (edge + GROUPING * grouping).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(0.998, 1 - 1 / (1 + step / 10))
        with torch.no_grad():
            for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                if a.is_floating_point():
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)
        if done - reported > 0.1:
            reported = done
            torch.save(mean.state_dict(), out)
            print(f"{done:.0%} step {step}: validation {validate(mean, held_out, emphasis)}", flush=True)
    torch.save(mean.state_dict(), out)
    print(f"step {step}: validation {validate(mean, held_out, emphasis)}", flush=True)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bsds", type=Path, help="the folder that holds data/images and data/groundTruth")
    parser.add_argument("out", type=Path, help="where the weights go (.pt)")
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--peak", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--emphasis", type=float, default=2.0, help="extra weight of boundary pixels")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    cv2.setNumThreads(1)
    train(a.bsds, a.out, a.minutes, batch=a.batch, peak=a.peak, emphasis=a.emphasis, start=a.start)


if __name__ == "__main__":
    main()
