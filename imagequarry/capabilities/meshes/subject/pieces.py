"""The pieces that a picture's regions cut it into, and how likely each belongs to the subject.

A piece is where the same regions lie over each other; any region, and any subject put together of several, is a set of
pieces. Two cues are measured on them that pixels do not have: how much colour has to be crossed on the way to the frame
(geodesic saliency: Y. Wei, F. Wen, W. Zhu, J. Sun, ECCV 2012), and how much of the frame a piece and what looks like it
take up beside their size (boundary connectivity: W. Zhu, S. Liang, Y. Wei, J. Sun, CVPR 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.subject.saliency import View
from imagequarry.domain.mask import Mask

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Labels = NDArray[np.int32]

# What is smaller than this share of the picture belongs to the piece beside it.
_SPECK = 0.0006
# Bins of colours along Lab's axes, and the colours they begin and end at.
_BINS = np.array([6, 8, 8])
_FIRST, _SPAN = np.array([0, -60, -60], np.float32), np.array([70, 120, 120], np.float32)
# Colours so little apart are one, and so far apart that they are no longer akin.
_SAME, _AKIN = 2.0, 5.0
_MOST_CONNECTED = 4.0

# The logarithm of the odds that a piece belongs to the subject, by what is known of it.
_ODDS = {
    "middle": 1.43,
    "unlike": 1.54,
    "away": 0.35,
    "connected": -0.42,
    "off": -3.77,
    "low": 1.99,
    "top": -0.34,
    "bottom": -0.23,
    "sides": -0.34,
    "person": 1.0,
}
_EVEN = -0.64


@dataclass(frozen=True, slots=True)
class Pieces:
    """``n`` pieces, whose numbers are in ``label`` (H, W); all else is measured in the pixels of a view (h, w).

    ``area`` (n,); ``contact`` (n, n) how long two touch, ``sides`` (n, 4) how much of the upper, lower, left and right
    side they take up; ``colours`` (n, bins) histograms; ``step`` (n, n) how far two mean colours are apart; ``place``
    (n, 2) their middles, x and y -0.5..0.5, ``wide`` (n,) the mean square of their distance from the picture's;
    ``away`` (n,) how much has to be crossed on the way from the frame, ``connected`` (n,) how much of it they take up;
    ``middle``, ``unlike`` and ``people`` (n,) the view's maps.
    """

    label: Labels = field(repr=False)
    area: Floats = field(repr=False)
    contact: Floats = field(repr=False)
    sides: Floats = field(repr=False)
    colours: Floats = field(repr=False)
    step: Floats = field(repr=False)
    place: Floats = field(repr=False)
    wide: Floats = field(repr=False)
    away: Floats = field(repr=False)
    connected: Floats = field(repr=False)
    middle: Floats = field(repr=False)
    unlike: Floats = field(repr=False)
    people: Floats = field(repr=False)

    @property
    def count(self) -> int:
        return len(self.area)

    def likely(self) -> Floats:
        """(n,) how likely each belongs to the subject, 0..1."""
        known = self.known()
        odds = sum((weight * known[name] for name, weight in _ODDS.items()), np.full(self.count, _EVEN))
        return np.asarray(1 / (1 + np.exp(-odds)), np.float64)

    def known(self) -> dict[str, Floats]:
        """What ``likely`` goes by, (n,) each."""
        side = np.sqrt(self.area)
        top, bottom, *upright = (self.sides / side[:, None]).T
        return {
            "middle": self.middle,
            "unlike": self.unlike,
            "away": np.log1p(self.away),
            "connected": self.connected,
            "off": self.wide,
            "low": self.place[:, 1],
            "top": top,
            "bottom": bottom,
            "sides": upright[0] + upright[1],
            "person": self.people,
        }

    def parts(self, chosen: Bools) -> list[Bools]:
        """The connected parts of a set of pieces (n,), the largest first."""
        touching = self.contact > 0
        left, found = chosen.copy(), []
        while left.any():
            part = np.zeros_like(chosen)
            part[left.argmax()] = True
            while (grown := chosen & (part | touching[part].any(0))).sum() > part.sum():
                part = grown
            found.append(part)
            left &= ~part
        return sorted(found, key=lambda part: -float(self.area[part].sum()))


def pieces_of(view: View, regions: Sequence[Mask]) -> tuple[Pieces, Bools]:
    """The pieces into which k regions, one at least, cut a picture, and which of them (k, n) each is made of."""
    crops = [(region.window(), region.crop()) for region in regions]
    label = _labels(crops, regions[0].size)
    height, width = view.size
    small = cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST)
    # A piece that the view lost has no part in anything.
    seen, flat = np.unique(small, return_inverse=True)
    number = np.zeros(int(label.max()) + 1, np.int32)
    number[seen] = np.arange(len(seen))
    flat, count = flat.ravel(), len(seen)
    small = flat.reshape(view.size)

    def total(values: NDArray[np.floating]) -> Floats:
        return np.asarray(np.bincount(flat, values.ravel(), count), np.float64)

    area = np.bincount(flat, minlength=count).astype(np.float64)
    contact = np.zeros((count, count))
    for one, two in ((small[:, :-1], small[:, 1:]), (small[:-1], small[1:])):
        np.add.at(contact, (one.ravel(), two.ravel()), 1)
    contact += contact.T
    np.fill_diagonal(contact, 0)
    frame = small[0], small[-1], small[:, 0], small[:, -1]
    sides = np.stack([np.bincount(side, minlength=count) for side in frame], 1).astype(np.float64)
    mean = np.stack([total(view.lab[..., channel]) for channel in range(3)], 1) / area[:, None]
    step = np.linalg.norm(mean[:, None] - mean[None], axis=2)
    rows, columns = np.mgrid[:height, :width]
    x, y = (columns + 0.5) / width - 0.5, (rows + 0.5) / height - 0.5
    way = _ways(np.where(contact > 0, step, np.inf))
    framed = sides.sum(1) > 0
    label = number[label]
    pieces = Pieces(
        label,
        area,
        contact,
        sides,
        _histograms(view, flat, count),
        step,
        np.stack([total(x), total(y)], 1) / area[:, None],
        total(x * x + y * y) / area,
        way[:, framed].min(1),
        _connected(way, area, sides),
        total(view.middle) / area,
        total(view.unlike) / area,
        total(view.people) / area,
    )
    sizes = np.bincount(label.ravel(), minlength=count)
    held = np.array([np.bincount(label[window][crop], minlength=count) for window, crop in crops])
    return pieces, 2 * held > sizes


def _labels(crops: Sequence[tuple[tuple[slice, slice], Bools]], size: tuple[int, int]) -> Labels:
    """(H, W) numbers of the connected places where the same regions lie, those of specks those of what is near them."""
    height, width = size
    code = np.zeros((height, width), np.int64)
    for name, (window, crop) in zip(np.random.default_rng(0).integers(1, 1 << 52, len(crops)), crops, strict=True):
        code[window] += crop * name
    # Between every two pixels that touch one more, which is there where they are of one piece.
    linked = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    linked[::2, ::2] = 1
    linked[1::2, ::2], linked[::2, 1::2] = code[1:] == code[:-1], code[:, 1:] == code[:, :-1]
    label = cv2.connectedComponents(linked, connectivity=4)[1][::2, ::2]
    large = np.bincount(label.ravel()) >= max(_SPECK * label.size, 1)
    number = np.where(large, np.cumsum(large), 0).astype(np.int32)
    if not number.any():
        return np.zeros_like(label)
    label = number[label]
    _, nearest = cv2.distanceTransformWithLabels(
        (label == 0).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(int(nearest.max()) + 1, np.int32)
    source[nearest[label > 0]] = label[label > 0]
    return np.asarray(source[nearest] - 1, np.int32)


def _ways(costs: Floats) -> Floats:
    """(n, n) the cheapest way between any two pieces (R. Floyd, 1962)."""
    way = np.maximum(costs - _SAME, 0)
    np.fill_diagonal(way, 0)
    for middle in range(len(way)):
        np.minimum(way, way[:, middle, None] + way[middle], out=way)
    return way


def _connected(way: Floats, area: Floats, sides: Floats) -> Floats:
    """(n,) how much of the frame is taken up by a piece and those akin to it; the lower side counts half."""
    akin = np.exp(-((way / _AKIN) ** 2) / 2)
    along = sides @ np.array([1, 0.5, 1, 1])
    return np.asarray(np.minimum(akin @ along / np.sqrt(akin @ area), _MOST_CONNECTED), np.float64)


def _histograms(view: View, flat: NDArray[np.intp], count: int) -> Floats:
    """(n, bins) how often each piece has which colour, for the colours that there are."""
    place = np.clip((view.lab - _FIRST) / _SPAN, 0, 0.999) * _BINS
    known, bins = np.unique(place.astype(np.intp) @ (_BINS[1] * _BINS[2], _BINS[2], 1), return_inverse=True)
    counted = np.bincount(flat * len(known) + bins.ravel(), minlength=count * len(known))
    return np.asarray(counted.reshape(count, len(known)), np.float64)
