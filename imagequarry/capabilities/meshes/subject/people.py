"""Where people are in a picture: faces, with the head around and the body beneath.

Faces are found by OpenCV's cascade (P. Viola, M. Jones, CVPR 2001), which comes with OpenCV itself.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades
from numpy.typing import NDArray

from imagequarry.domain.raster import Pixels

Bools = NDArray[np.bool_]

_CASCADE = "haarcascade_frontalface_alt2.xml"
_STEP, _HITS = 1.2, 5
# The smallest face, as a share of the picture's longer side: smaller ones are of passers-by.
_SMALLEST = 0.1
# Half the width and height of a head, half the width of the shoulders and how far down a body reaches, in faces.
_HEAD, _SHOULDERS, _BODY = (0.7, 0.9), 1.4, 3.5


def people_in(rgb: Pixels) -> Bools:
    """(h, w) where the people of a picture roughly are; nowhere where no face is seen."""
    height, width = rgb.shape[:2]
    within = np.zeros((height, width), np.uint8)
    smallest = max(24, round(_SMALLEST * max(height, width)))
    # Loaded for each picture: a cascade keeps its state while it works.
    cascade = cv2.CascadeClassifier(str(Path(haarcascades) / _CASCADE))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    for left, top, side, _ in cascade.detectMultiScale(grey, _STEP, _HITS, 0, (smallest, smallest)):
        x, y = left + side / 2, top + side / 2
        head = round(_HEAD[0] * side), round(_HEAD[1] * side)
        cv2.ellipse(within, (round(x), round(y)), head, 0, 0, 360, 1, cv2.FILLED)
        neck, chest, end = y + 0.6 * side, y + 1.3 * side, y + _BODY * side
        body = [(x - 0.4 * side, neck), (x - _SHOULDERS * side, chest), (x - _SHOULDERS * side, end)]
        corners = body + [(2 * x - across, down) for across, down in reversed(body)]
        cv2.fillPoly(within, [np.round(corners).astype(np.int32)], [1])
    return within.view(np.bool_)
