"""Where it is light and dark, and where which colours lie: low frequencies of the cosine transform.

They are signed and about zero on average, which keeps the cosines of unlike pictures near zero. Natural pictures hold
less the higher the frequency (about 1 / f: D. Field, 1987): multiplied by it, every frequency counts alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.embedded.appearance.strength import compressed, to_unit

Floats = NDArray[np.float32]

LIGHT_FREQUENCIES = 12
HUE_FREQUENCIES = 6
FAINT = 8.0
WEAK_LIGHT = 6.0
WEAK_HUE = 14.0


def _chosen(frequencies: int) -> tuple[NDArray[np.bool_], Floats]:
    """Which of (frequencies, frequencies) coefficients are kept, and what those are multiplied by.

    A triangle without the mean; only waves that are even from left to right, which mirroring leaves as they are.
    """
    down, across = np.mgrid[:frequencies, :frequencies]
    kept = (down + across > 0) & (down + across < frequencies) & (across % 2 == 0)
    return kept, np.hypot(down, across)[kept].astype(np.float32)


LIGHT_CHOICE = _chosen(LIGHT_FREQUENCIES)
HUE_CHOICE = _chosen(HUE_FREQUENCIES)

LIGHT_LAYOUT = int(LIGHT_CHOICE[0].sum())
"""Numbers that ``light_layout`` gives."""

HUE_LAYOUT = 2 * int(HUE_CHOICE[0].sum())
"""Numbers that ``hue_layout`` gives."""


def light_layout(lab: Floats) -> Floats:
    """(LIGHT_LAYOUT,) of length 0..1: where it is light, for a coarse picture in Lab (S, S, 3)."""
    return to_unit(_waves(lab[..., 0], *LIGHT_CHOICE), WEAK_LIGHT)


def hue_layout(lab: Floats) -> Floats:
    """(HUE_LAYOUT,) of length 0..1: where it is red or green, yellow or blue, for a coarse picture in Lab (S, S, 3)."""
    return to_unit(np.concatenate([_waves(lab[..., channel], *HUE_CHOICE) for channel in (1, 2)]), WEAK_HUE)


def _waves(channel: Floats, kept: NDArray[np.bool_], gain: Floats) -> Floats:
    """The kept coefficients of a channel, their range compressed so that no single one decides and noise none."""
    side = len(kept)
    values = cv2.dct(np.ascontiguousarray(channel))[:side, :side][kept] * gain
    waves: Floats = np.copysign(compressed(np.abs(values), FAINT), values)
    return waves
