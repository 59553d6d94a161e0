"""How a picture is laid out: a background that is plain, and where the subject stands out from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from imagequarry.engines.embedded.plain_words.colour_names import NAMES, Names, shares
from imagequarry.engines.embedded.plain_words.view import Mask, View

FRAME = 0.06
PLAIN_TEXTURE = 2.5
DIFFERENT = 18.0
ONE_PIECE = 0.7
MAIN = 0.6
SUBJECT_LEAST, SUBJECT_MOST = 0.02, 0.7

Place = Literal["in the centre", "on the left", "on the right"]


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A plain background of one colour, by name, and what stands in front of it: colour (may be "") and place."""

    colour: str
    subject: str
    place: Place


def backdrop_of(view: View, names: Names) -> Backdrop | None:
    """The plain background, when the picture's frame is smooth, of one colour, and something stands out from it."""
    frame = _frame(view)
    if (view.texture[frame] < PLAIN_TEXTURE).mean() < 0.85 or view.lightness[frame].std() > 12:
        return None
    share = shares(names, frame)
    if share.max() < 0.75:
        return None
    turn = np.deg2rad(view.hue)
    lab = np.dstack([view.lightness, view.chroma * np.cos(turn), view.chroma * np.sin(turn)])
    subject = np.linalg.norm(lab - np.median(lab[frame], 0), axis=2) > DIFFERENT
    if not SUBJECT_LEAST < subject.mean() < SUBJECT_MOST:
        return None
    _, _, pieces, _ = cv2.connectedComponentsWithStats(subject.astype(np.uint8), connectivity=8)
    if pieces[1:, cv2.CC_STAT_AREA].max() < ONE_PIECE * subject.sum():
        return None
    own = shares(names, subject)
    across = float(np.flatnonzero(subject.any(0))[[0, -1]].mean()) / view.columns
    middle = 0.5 * across + 0.5 * float(np.nonzero(subject)[1].mean()) / view.columns
    place: Place = "in the centre" if 0.36 <= middle <= 0.64 else "on the left" if middle < 0.5 else "on the right"
    colour, main = NAMES[int(share.argmax())], NAMES[int(own.argmax())]
    return Backdrop(colour, main if own.max() > 0.55 and main != colour else "", place)


def arrangement_of(names: Names) -> str:
    """Two colours and where they are, "blue at the top and brown at the bottom", or nothing without such an order.

    ``names`` is the map (h, w) of the colours' names.
    """
    rows, columns = names.shape
    third = max(1, rows // 3)
    top, bottom = _main(names[:third], MAIN), _main(names[-third:], MAIN)
    if top and bottom and top != bottom:
        return f"{top} at the top and {bottom} at the bottom"
    middle = np.zeros(names.shape, np.bool_)
    middle[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4] = True
    outside = np.ones(names.shape, np.bool_)
    outside[rows // 8 : rows - rows // 8, columns // 8 : columns - columns // 8] = False
    inner, outer = _main(names[middle], MAIN), _main(names[outside], MAIN)
    if inner and outer and inner != outer:
        return f"{inner} in the middle and {outer} around it"
    return ""


def _main(names: Names, least: float) -> str:
    """The name of the colour that has at least this share, or nothing."""
    share = shares(names)
    return NAMES[int(share.argmax())] if share.max() >= least else ""


def _frame(view: View) -> Mask:
    """The pixels along the upper edge and the sides: a subject may be cut off by the lower one."""
    frame = np.zeros(view.lightness.shape, np.bool_)
    depth = max(1, round(FRAME * min(frame.shape)))
    frame[:depth] = True
    frame[:, :depth] = True
    frame[:, -depth:] = True
    frame[-max(1, view.rows // 4) :] = False
    return frame
