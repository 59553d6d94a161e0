"""A network whose masks look like those of a trained one: the plain shapes of a drawn scene, seen from each point.

It answers the calls of ``Network`` from arithmetic, so that whole grids run in no time and every filter has work.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from imagequarry.domain.raster import Pixels
from imagequarry.engines.huggingface.sam.families import Family
from imagequarry.engines.huggingface.sam.network import Network
from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.tracing import Tracer
from imagequarry.engines.huggingface.sam.upscale import Logits, Upscaler, upscaler

SIDE, LOW = 256, 64


@dataclass
class Seen:
    """A picture as the toy sees it: where its pixels are brighter than around, in low resolution."""

    frame: Frame
    nbytes: int = 0


class ToyNetwork:
    """Discs about each point: the first large and soft, the second sharp, the third with holes and islands.

    On a device its masks are traced there, many at once.
    """

    exact = True

    def __init__(self, family: Family, device: str | None = None) -> None:
        self.family = family
        self.at_once, self._device = device is not None, torch.device(device or "cpu")
        self.encodes = self.batches = 0
        self.decoder = SimpleNamespace(side=LOW)
        self._yy, self._xx = np.mgrid[:LOW, :LOW] * (SIDE / LOW)

    def embed(self, rgb: Pixels) -> Seen:
        self.encodes += 1
        return Seen(Frame.of(rgb.shape[0], rgb.shape[1], SIDE, self.family))

    def pointed(self, embedding: Seen, points: NDArray[np.float64]) -> Any:
        self.batches += 1
        at = embedding.frame.scaled(points)
        # Repeatable noise that depends on the place alone, not on the batch.
        noise = np.abs(np.sin(at[:, :1] * (12.9898, 7.1, 3.3) + at[:, 1:] * (78.233, 1.7, 9.1)) * 43758.5453) % 1
        noise = noise.round(5)  # or the last digit of a position would decide
        return SimpleNamespace(iou=torch.from_numpy(0.7 + 0.3 * noise).float(), at=at)

    def logits(self, embedding: Seen, attended: Any, row: int) -> Logits:
        x, y = attended.at[row]
        # Points of the same cell mean the same thing, so that there are duplicates.
        cx, cy = (x // 40 + 0.5) * 40, (y // 40 + 0.5) * 40
        far = np.hypot(self._xx - cx, self._yy - cy)
        size = 14 + (cx * 7 + cy * 3) % 23
        wave = np.sin(self._xx / 5 + cx) * np.cos(self._yy / 6 + cy)
        soft = (size * 1.8 - far) / 4 + wave * 0.3
        sharp = (size - far) * 4
        rough = (size * 1.3 - far) * 4 + 90 * wave * np.sin(self._xx / 3 + x / 50)
        return np.stack([soft, sharp, rough]).astype(np.float32)

    def several(self, embedding: Seen, attended: Any, rows: NDArray[np.intp]) -> torch.Tensor:
        found = np.stack([self.logits(embedding, attended, row) for row in rows.tolist()])
        return torch.from_numpy(found).to(self._device)

    def tracer(self, frame: Frame) -> Tracer:
        return Tracer(frame, LOW, self._device, twice=self.family.fit == "pad")

    def upscaler(self, frame: Frame) -> Upscaler:
        return upscaler(frame, LOW, twice=self.family.fit == "pad")

    def as_network(self) -> Network:
        return cast(Network, self)
