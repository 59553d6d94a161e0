"""Logits that look like a trained model's, since random weights make masks of noise: discs with uneven outlines."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imagequarry.domain.raster import Pixels
from imagequarry.engines.huggingface.sam.families import SAM
from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.upscale import Logits, Upscaler, upscaler

SIDE, LOW = 1024, 256


def discs(count: int, seed: int = 0) -> NDArray[np.float32]:
    """(count, 3, 256, 256) logits: for each point a part, a whole and a soft surrounding."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:LOW, :LOW].astype(np.float32)
    found = np.empty((count, 3, LOW, LOW), dtype=np.float32)
    side = round(count**0.5)
    for i in range(count):
        x, y = ((i % side + 0.5) * LOW / side, (i // side + 0.5) * LOW / side)
        uneven = cv2.resize(rng.normal(size=(12, 12)).astype(np.float32), (LOW, LOW), interpolation=cv2.INTER_CUBIC)
        size = rng.lognormal(2.6, 0.7)
        for j, (scale, soft) in enumerate(((1.0, 0.6), (2.2, 1.0), (3.5, 5.0))):
            far = np.hypot(xx - x, yy - y) + 0.15 * size * scale * uneven
            found[i, j] = np.clip((size * scale - far) / soft, -20, 20)
    return found


class Replay:
    """A network that answers every grid from prepared logits: what is left is everything but the model."""

    exact = True
    at_once = False

    def __init__(self, logits: NDArray[np.float32], kept: float = 0.25, seed: int = 0) -> None:
        self.family = SAM
        self.decoder = SimpleNamespace(side=LOW)
        self._logits = logits
        #: (count, 3): as many above 0.9 as the share says
        self.iou = np.random.default_rng(seed).uniform(0, 1, logits.shape[:2]).astype(np.float32)
        self.iou = np.where(self.iou < kept, 0.9 + 0.1 * self.iou / kept, 0.9 * self.iou).astype(np.float32)
        self._next = 0

    def embed(self, rgb: Pixels) -> Any:
        self._next = 0
        return SimpleNamespace(frame=Frame.of(rgb.shape[0], rgb.shape[1], SIDE, SAM))

    def pointed(self, embedding: Any, points: NDArray[np.float64]) -> Any:
        at = np.arange(self._next, self._next + len(points)) % len(self._logits)
        self._next += len(points)
        return SimpleNamespace(iou=torch.from_numpy(self.iou[at]), at=at)

    def logits(self, embedding: Any, attended: Any, row: int) -> Logits:
        found: Logits = self._logits[attended.at[row]]
        return found

    def upscaler(self, frame: Frame) -> Upscaler:
        return upscaler(frame, LOW, twice=True)
