"""Relief from light and shade: what is lighter than its surroundings is taken to be nearer.

That is what a sculptor of medals does, not what a camera measures: a dark nose would be a hole. So it stays shallow.
"""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.engines.solids.fields import Floats
from imagequarry.engines.solids.raising import Part

# Shares of the longer side: finer is texture and noise, coarser is lighting.
_FINEST = 0.006
_COARSEST = 0.08
_SHARE_OF_TONE = 0.5  # of a slab's relief; the rest is detail


def relief_of(part: Part) -> Floats:
    """(h, w) float32, -1..1, in proportion to how much lighter a place is than what lies around it.

    Of a whole picture, which no outline gives a body, half of it is how light a place is by itself.
    """
    light = np.asarray(cv2.cvtColor(part.rgb, cv2.COLOR_RGB2LAB)[..., 0] / 255, np.float32)
    longest = max(light.shape)
    inside = None if part.inside is None else part.inside.astype(np.float32)
    fine = _blurred(light, inside, _FINEST * longest)
    coarse = _blurred(light, inside, _COARSEST * longest)
    detail = fine - coarse
    counted = detail if part.inside is None else detail[part.inside]
    detail = np.tanh(detail / max(2.5 * float(counted.std()), 0.02))
    if part.inside is not None:
        return np.asarray(detail, np.float32)
    low, high = np.percentile(coarse, (1, 99))
    tone = 2 * (coarse - (low + high) / 2) / max(float(high - low), 0.1)
    return np.asarray(np.clip(_SHARE_OF_TONE * tone + (1 - _SHARE_OF_TONE) * detail, -1, 1), np.float32)


def _blurred(light: Floats, inside: Floats | None, sigma: float) -> Floats:
    """Blurred within the subject, so that a bright background does not raise its edge. Coarse blurs at half sizes."""
    if inside is None:
        return _gauss(light, sigma)
    return np.asarray(_gauss(light * inside, sigma) / np.maximum(_gauss(inside, sigma), 1e-3), np.float32)


def _gauss(field: Floats, sigma: float) -> Floats:
    factor = max(1, int(sigma / 4))
    height, width = field.shape
    small = field
    if factor > 1:
        size = (max(1, width // factor), max(1, height // factor))
        small = np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_AREA), np.float32)
    blurred = cv2.GaussianBlur(small, (0, 0), max(sigma / factor, 0.1))
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
