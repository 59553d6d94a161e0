"""How strong and weak signals are brought to one scale without blowing up the noise where there is no signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_unit(values: NDArray[np.float32], weak: float) -> NDArray[np.float32]:
    """``values`` (d,) at a length near 1 when it is far longer than ``weak``, near 0 when it is far shorter."""
    return values / np.float32(np.sqrt(np.square(values).sum() + weak * weak))


def compressed(values: NDArray[np.float32], faint: float) -> NDArray[np.float32]:
    """The square root of ``values`` (>= 0), but in proportion to them where they are below ``faint``."""
    roots: NDArray[np.float32] = np.sqrt(values + np.float32(faint)) - np.float32(np.sqrt(faint))
    return roots
