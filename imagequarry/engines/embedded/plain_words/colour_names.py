"""Colours by the names people give them: the eleven basic terms (B. Berlin, P. Kay, 1969), beige and turquoise."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.embedded.plain_words.view import Floats, Mask, View

Names = NDArray[np.uint8]

NAMES: Final = (
    "black",
    "grey",
    "white",
    "red",
    "orange",
    "brown",
    "beige",
    "yellow",
    "green",
    "turquoise",
    "blue",
    "purple",
    "pink",
)
BLACK, GREY, WHITE, RED, ORANGE, BROWN, BEIGE, YELLOW, GREEN, TURQUOISE, BLUE, PURPLE, PINK = range(len(NAMES))

# Below this chroma a colour is called grey; a dark or a very light one needs more to be told from black or white.
GREYISH = 9.0
MIXED = 5
FIRST_LEAST, SECOND_LEAST = 0.3, 0.18


def named(view: View) -> Names:
    """(h, w): for each pixel the place of its colour's name in NAMES, mixed with its neighbours as the eye does."""
    mixed = cv2.blur(view.rgb, (MIXED, MIXED)).astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(mixed, cv2.COLOR_RGB2Lab), np.float32)
    light = lab[..., 0]
    polar = cv2.cartToPolar(lab[..., 1], lab[..., 2], angleInDegrees=True)
    chroma, hue = (np.asarray(part, np.float32) for part in polar)
    # A step counts up where a hue begins: pink, red, orange, yellow, green, turquoise, blue, purple, pink.
    starts = np.array([20, 46, 82, 108, 166, 222, 312, 345], np.float32)
    names = np.array([PINK, RED, ORANGE, YELLOW, GREEN, TURQUOISE, BLUE, PURPLE, PINK], np.uint8)
    name = names[np.searchsorted(starts, hue, side="right")]
    reddish = (hue < 46) | (hue >= 345)
    warm = (hue >= 36) & (hue < 108)
    name[reddish & (light >= 62)] = PINK
    name[reddish & (light < 62) & (chroma > 40)] = RED
    name[reddish & (light < 45)] = RED
    name[warm & (light < 62) & (chroma < 62)] = BROWN
    name[warm & (light >= 62) & (chroma < 34)] = BEIGE
    name[(hue >= 104) & (hue < 108) & (light < 62)] = GREEN
    name[(hue >= 90) & (hue < 120) & (light >= 62) & (chroma < 24)] = BEIGE
    name[(hue >= 36) & (hue < 55) & (light >= 66) & (chroma > 16) & (chroma < 45)] = PINK
    name[(hue < 46) & (light < 55) & (chroma < 32)] = BROWN
    # Greens and what tends to them look grey for longer than reds and blues do.
    greenish = (hue > 95) & (hue < 190)
    greyish = chroma < GREYISH + np.clip((30 - light) / 4, 0, 5) + 5 * greenish
    name[greyish] = GREY
    name[(light < 20) & (chroma < 14)] = BLACK
    name[light < 10] = BLACK
    name[(light >= 88) & (chroma < GREYISH)] = WHITE
    name[light >= 97.5] = np.where(chroma < 20, WHITE, name)[light >= 97.5]
    return name


def shares(names: Names, where: Mask | None = None) -> Floats:
    """(len(NAMES),): the share of each colour, of the whole picture or where a mask (h, w) says."""
    counts = np.bincount(names.ravel() if where is None else names[where], minlength=len(NAMES))
    share: Floats = (counts / max(1, counts.sum())).astype(np.float32)
    return share


def main_colours(share: Floats) -> list[str]:
    """One or two names that stand out, the commonest first; none when no colour does."""
    first, second = (int(index) for index in np.argsort(-share, kind="stable")[:2])
    if share[first] < FIRST_LEAST:
        return []
    return [NAMES[first], NAMES[second]] if share[second] >= SECOND_LEAST else [NAMES[first]]
