"""From pictures to the numbers a picture model was trained on, value for value those of its published processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagequarry.domain.raster import Pixels, Raster
from imagequarry.engines.huggingface.folders import settings_of

Colours = tuple[float, float, float]

CLIP_MEAN: Colours = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Colours = (0.26862954, 0.26130258, 0.27577711)
HALF: Colours = (0.5, 0.5, 0.5)

# The middle of a longer strip is looked at: enlarged whole, a line of one pixel would take gigabytes.
_LONGEST_STRIP = 50


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a model wants its pictures: square, ``side`` pixels wide, with red, green and blue (0..1) less ``mean``
    and over ``std``; "stretch" squeezes the whole picture in, "crop" keeps its form and takes the middle."""

    side: int
    fit: Literal["stretch", "crop"]
    resample: Image.Resampling
    mean: Colours
    std: Colours

    def as_in(self, folder: Path) -> Preparation:
        """The same with the resampling that the folder's ``preprocessor_config.json`` names, if it names one: all
        else is alike in all releases of an architecture."""
        if not (folder / "preprocessor_config.json").is_file():
            return self
        named = settings_of(folder, "preprocessor_config.json").get("resample")
        known = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
        return replace(self, resample=next((kind for kind in known if kind == named), self.resample))

    def values(self, images: Sequence[Raster]) -> NDArray[np.float32]:
        """(N, 3, side, side) float32."""
        # Each of the 256 levels is normalised once and looked up: rescaled to 0..1 first, then normalised, in float32.
        level = (np.arange(256, dtype=np.float64) * (1 / 255)).astype(np.float32)
        table = (level - np.array(self.mean, np.float32)[:, None]) / np.array(self.std, np.float32)[:, None]
        values = np.empty((len(images), 3, self.side, self.side), np.float32)
        for place, image in zip(values, images, strict=True):
            pixels = self._square(image.rgb)
            for channel in range(3):
                np.take(table[channel], pixels[..., channel], out=place[channel])
        return values

    def _square(self, rgb: Pixels) -> Pixels:
        if self.fit == "stretch":
            return np.asarray(Image.fromarray(rgb).resize((self.side, self.side), self.resample))
        rgb = _middle(rgb, _LONGEST_STRIP * min(rgb.shape[:2]))
        height, width = rgb.shape[:2]
        longer = self.side * max(height, width) // min(height, width)
        size = (longer, self.side) if width > height else (self.side, longer)
        return _middle(np.asarray(Image.fromarray(rgb).resize(size, self.resample)), self.side)


def _middle(rgb: Pixels, most: int) -> Pixels:
    """The picture cut to at most so many pixels in both directions."""
    height, width = rgb.shape[:2]
    top, left = max(0, (height - most) // 2), max(0, (width - most) // 2)
    return np.ascontiguousarray(rgb[top : top + most, left : left + most])
