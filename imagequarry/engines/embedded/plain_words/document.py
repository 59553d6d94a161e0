"""Whether a picture is of a page of text: thin dark strokes in rows on light, even paper."""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.engines.embedded.plain_words.view import View

# The paper around a stroke is the lightest of this many pixels of the view each way.
REACH = 15
CONTRAST = 9.0
PAPER_LEAST = 45.0
INK_LEAST, INK_MOST = 0.04, 0.45
ROWS_LEAST = 4


def is_document(view: View) -> bool:
    """Whether the picture is a page of printed or written text, in any light that leaves the paper the lightest."""
    if min(view.rows, view.columns) < 4 * REACH:
        return False
    paper = cv2.blur(cv2.dilate(view.lightness, np.ones((REACH, REACH), np.uint8)), (REACH, REACH))
    ink = paper - view.lightness > CONTRAST
    if not INK_LEAST < ink.mean() < INK_MOST or np.percentile(paper, 20) < PAPER_LEAST:
        return False
    # Paper has next to no colour and no edges of its own; in a photograph the lightest pixels have both.
    if np.percentile(view.chroma[~ink], 75) > 16 or np.abs(cv2.Laplacian(paper, cv2.CV_32F)).mean() > 0.5:
        return False
    blots = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    if blots.mean() > 0.25 * ink.mean():
        return False
    return _rows(ink.mean(1, dtype=np.float32)) >= ROWS_LEAST


def _rows(profile: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
    """How many rows of text the share of ink in each row of pixels shows: peaks between nearly empty gaps."""
    high, low = np.percentile(profile, 75), np.percentile(profile, 20)
    if high < 2 * low or high < INK_LEAST:
        return 0
    full = profile > (high + low) / 2
    return int(np.count_nonzero(full[1:] & ~full[:-1]))
