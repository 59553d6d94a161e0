"""A decoded picture: pixels as the eye sees them, and the name of their content."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Raster:
    """An upright sRGB picture in memory.

    ``rgb`` is (H, W, 3) uint8, read-only; ``alpha`` (H, W) uint8 or None when every pixel is opaque. ``digest`` is
    the SHA-256 (hex) of the file the picture was decoded from: the key of everything computed from it.
    """

    rgb: Pixels = field(repr=False)
    digest: str
    alpha: Pixels | None = field(default=None, repr=False)

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def nbytes(self) -> int:
        """Memory held by the pixels, in bytes."""
        return self.rgb.nbytes + (0 if self.alpha is None else self.alpha.nbytes)
