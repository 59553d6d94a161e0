"""From a picture to the numbers a model was trained on, value for value those of the family's published processor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from PIL import Image

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Pixels
from imagequarry.engines.huggingface.sam.families import Family
from imagequarry.engines.huggingface.sam.resizing import resized, resizes


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a picture of (height, width) pixels lies on the square input of ``side`` pixels: its top left
    ``fitted`` (height, width) pixels, the rest being padding."""

    height: int
    width: int
    side: int
    fitted: tuple[int, int]

    @classmethod
    def of(cls, height: int, width: int, side: int, family: Family) -> Frame:
        """The frame in which that family sees a picture of that size."""
        if family.fit == "stretch":
            return cls(height, width, side, (side, side))
        scale = side / max(height, width)
        # At least a pixel, also of a picture a thousand times as long as wide.
        return cls(height, width, side, (max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))))

    def scaled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) positions x, y of the picture as positions on the input."""
        return points * (self.fitted[1] / self.width, self.fitted[0] / self.height)

    def point(self, point: Point) -> tuple[float, float]:
        x, y = self.scaled(np.array([point.x, point.y]))
        return float(x), float(y)

    def box(self, box: Box) -> tuple[float, float, float, float]:
        (x0, y0), (x1, y1) = self.scaled(np.array([[box.x0, box.y0], [box.x1, box.y1]]))
        return float(x0), float(y0), float(x1), float(y1)


_CPU = torch.device("cpu")


def pixel_values(rgb: Pixels, frame: Frame, family: Family, device: torch.device = _CPU) -> torch.Tensor:
    """(1, 3, side, side) float32 of an (H, W, 3) picture, on that device.

    SAM is resized by Pillow, its successors by PyTorch's 8 bit resampling, both bilinear with antialiasing: what the
    published processors do. Each of the 256 levels is normalised once and looked up, on the device, so that what
    travels there is a quarter of the values.
    """
    if family.fit == "pad":
        levels = _resized(rgb, frame, device).permute(2, 0, 1)
    else:
        source = torch.from_numpy(np.require(rgb, requirements=("C", "W"))).permute(2, 0, 1)[None]
        side = (frame.side, frame.side)
        levels = functional.interpolate(source, side, mode="bilinear", antialias=True)[0]
    table = _levels_of_pillow(family) if family.fit == "pad" else _levels_of_torch(family)
    levels, table = levels.to(device), table.to(device)
    values = torch.zeros(1, 3, frame.side, frame.side, device=device)
    for channel in range(3):
        values[0, channel, : frame.fitted[0], : frame.fitted[1]] = table[channel][levels[channel].long()]
    return values


def _resized(rgb: Pixels, frame: Frame, device: torch.device) -> torch.Tensor:
    """(height, width, 3) levels of the picture at the size that it is fitted to."""
    height, width = frame.fitted
    if device.type == "cuda" and resizes(frame.height, frame.width):
        return resized(torch.from_numpy(np.require(rgb, requirements=("C", "W"))).to(device), height, width)
    image = Image.fromarray(rgb)
    if (height, width) != (frame.height, frame.width):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image))


def _levels_of_pillow(family: Family) -> torch.Tensor:
    """(3, 256): rescaled to 0..1 first, then normalised, in float32."""
    level = (np.arange(256, dtype=np.float64) * (1 / 255)).astype(np.float32)
    mean, std = np.array(family.mean, np.float32), np.array(family.std, np.float32)
    return torch.from_numpy((level - mean[:, None]) / std[:, None])


def _levels_of_torch(family: Family) -> torch.Tensor:
    """(3, 256): normalised in one step by mean and deviation in levels, in float32."""
    level = torch.arange(256, dtype=torch.float32)
    mean, std = torch.tensor(family.mean) * (1.0 / (1 / 255)), torch.tensor(family.std) * (1.0 / (1 / 255))
    return (level - mean[:, None]) / std[:, None]
