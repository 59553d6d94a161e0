"""Outlines at full size: region maps follow the picture's own edges, masks are cut out of them column by column."""

from __future__ import annotations

import cv2
import numpy as np

from imagequarry.domain.raster import Pixels
from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats, Ints, Labels
from imagequarry.engines.embedded.region_tree.runs import Runs

GUIDE = 1024
BAND = 1.5


def carry_to_guide(label: Labels, rgb: Pixels) -> Labels:
    """The label map (h, w) at guide size, its outlines moved to the picture's edges; transposed: (columns, rows).

    All labels are kept but in a band of BAND working pixels along their outlines; the band is flooded from both sides
    over the slightly blurred picture at guide size, where colours change least first (watershed of Meyer, 1992), and
    a median makes the outlines smooth. A picture no larger than its label map keeps it as it is.
    """
    height, width = rgb.shape[:2]
    h, w = label.shape
    if height <= h and width <= w:
        return np.ascontiguousarray(label.T)
    scale = min(1.0, GUIDE / max(height, width))
    size = (max(w, round(width * scale)), max(h, round(height * scale)))
    enlarged_by = size[0] / w, size[1] / h
    guide = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    guide = cv2.GaussianBlur(guide, (0, 0), 0.5 * enlarged_by[0], sigmaY=0.5 * enlarged_by[1])
    large = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
    band = np.ones([2 * max(1, round(BAND * by)) + 1 for by in enlarged_by[::-1]], np.uint8)
    sure = cv2.erode(large, band) == cv2.dilate(large, band)
    markers: cv2.typing.MatLike = np.where(sure, large.astype(np.int32) + 1, 0).astype(np.int32)
    # the flood leaves the outermost pixels out, so it gets a rim to leave out
    markers = cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cv2.watershed(cv2.copyMakeBorder(guide, 1, 1, 1, 1, cv2.BORDER_REPLICATE), markers)
    flooded = markers[1:-1, 1:-1]
    # the dams between two floods belong to one of them
    filled = cv2.dilate(np.maximum(flooded, 0).astype(np.uint16), np.ones((3, 3), np.uint8))
    carried = np.where(flooded > 0, flooded, filled).astype(np.int32) - 1
    whole = np.where(carried < 0, large, carried).astype(np.uint16)
    return np.ascontiguousarray(cv2.medianBlur(whole, 5).T.astype(np.uint16))


def guide_boxes(guide: Labels, count: int) -> Ints:
    """Where each of ``count`` labels lies in a guide map (columns, rows): (count, 4) as x0, y0, x1, y1.

    A label that the guide lost has a box that no union grows by: x0, y0 beyond the frame and x1, y1 zero.
    """
    columns, rows = guide.shape
    flat = guide.ravel()
    order = np.argsort(flat, kind="stable")
    present, begin = np.unique(flat[order], return_index=True)
    x, y = np.divmod(order, rows)
    boxes = np.tile(np.array([columns, rows, 0, 0]), (count, 1))
    boxes[present] = np.stack([
        np.minimum.reduceat(x, begin), np.minimum.reduceat(y, begin),
        np.maximum.reduceat(x, begin) + 1, np.maximum.reduceat(y, begin) + 1,
    ], 1)  # fmt: skip
    return boxes


def runs_of(leaves: Bool, guide: Labels, boxes: Ints, height: int, width: int) -> Runs:
    """The runs at (height, width) of the ``leaves`` (n,) that are marked."""
    x0, y0 = boxes[leaves, :2].min(0, initial=max(guide.shape))
    x1, y1 = boxes[leaves, 2:].max(0, initial=0)
    return enlarged(leaves[guide[x0:x1, y0:y1]], (int(x0), int(y0)), guide.shape, height, width)


def enlarged(inside: Bool, corner: tuple[int, int], whole: tuple[int, ...], height: int, width: int) -> Runs:
    """The runs at (height, width) of a mask given as a crop ``inside`` (columns, rows) at ``corner`` (x, y) of a
    ``whole`` of (columns, rows).

    Equals bilinear enlarging cut at one half, but is never inflated along the columns: between two rows the bilinear
    surface is a straight line, so the row where it passes one half is computed.
    """
    columns, rows = whole
    x0, y0 = corner
    inside = np.pad(inside, ((1, 1), (1, 1)))
    x0, y0 = x0 - 1, y0 - 1
    # beyond the frame goes on what touches it
    if x0 < 0:
        inside[0] = inside[1]
    if y0 < 0:
        inside[:, 0] = inside[:, 1]
    if x0 + len(inside) > columns:
        inside[-1] = inside[-2]
    if y0 + inside.shape[1] > rows:
        inside[:, -1] = inside[:, -2]
    if (columns, rows) == (width, height):
        return _exact(inside, x0, y0, height, width)
    first = int(np.clip(np.floor((x0 + 0.5) * width / columns - 0.5), 0, width - 1))
    last = int(np.clip(np.ceil((x0 + len(inside) - 0.5) * width / columns - 0.5), 0, width - 1))
    across = np.arange(first, last + 1)
    position = np.clip((across + 0.5) * columns / width - 0.5 - x0, 0, len(inside) - 1)
    left = np.minimum(position.astype(np.int64), len(inside) - 2)
    part = (position - left).astype(np.float32)[:, None]
    level = inside.astype(np.float32)
    smooth = level[left] * (1 - part) + level[left + 1] * part
    return _crossings(smooth, first, y0, rows, height, width)


def _crossings(level: Floats, first: int, y0: int, rows: int, height: int, width: int) -> Runs:
    """Runs of a level map with one line per column of the picture, one entry per row of the guide from ``y0`` on."""
    above = np.pad(level > 0.5, ((0, 0), (1, 1)))
    line, change = np.nonzero(above[:, 1:] != above[:, :-1])
    before, after = np.maximum(change - 1, 0), np.minimum(change, level.shape[1] - 1)
    low, high = level[line, before], level[line, after]
    crossing = before + (0.5 - low) / np.where(high == low, 1, high - low)
    row = np.floor((crossing + y0 + 0.5) * (height / rows) - 0.5).astype(np.int64) + 1
    row = np.where(change == 0, 0, np.where(change == level.shape[1], height, np.clip(row, 0, height)))
    column, top, bottom = line[::2] + first, row[::2], row[1::2]
    kept = bottom > top
    return Runs(height, width, column[kept], top[kept], bottom[kept])


def _exact(inside: Bool, x0: int, y0: int, height: int, width: int) -> Runs:
    """Runs of a mask at the picture's own size."""
    fringe = np.pad(inside[1:-1, 1:-1], ((0, 0), (1, 1)))
    line, change = np.nonzero(fringe[:, 1:] != fringe[:, :-1])
    column: Ints = line[::2] + x0 + 1
    return Runs(height, width, column, change[::2] + y0 + 1, change[1::2] + y0 + 1)
