"""Answers to a box: regions that fit it, unions of those inside, and colour models of inside against around."""

from __future__ import annotations

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats
from imagequarry.engines.embedded.region_tree.graph import FIXED, Doubles, random_walks
from imagequarry.engines.embedded.region_tree.hypotheses import Hypotheses, unlike
from imagequarry.engines.embedded.region_tree.leaves import Leaves, probably_one
from imagequarry.engines.embedded.region_tree.table import Table

ROUNDS = 3
CUTS = (0.35, 0.5, 0.65)
FITTING, ENCLOSED, LARGEST = 16, 120, 8
COMPARED = 150


def in_box(leaves: Leaves, table: Table, box: tuple[int, int, int, int]) -> Hypotheses:
    """What a box (x0, y0, x1, y1; whole working pixels, not empty) may mean, with the figures of the head ``box``."""
    x0, y0, x1, y1 = box
    frame = np.array(box, np.float32)
    inside = np.bincount(leaves.label[y0:y1, x0:x1].ravel(), minlength=leaves.count).astype(np.float32)
    share = inside / leaves.area
    middle, half = (frame[:2] + frame[2:]) / 2, (frame[2:] - frame[:2]) / 2
    radius = np.hypot(*((leaves.centre - middle) / half).T)
    around = np.exp(-(np.maximum(0, radius - 1) ** 2) / 2)
    sets = np.concatenate([
        _from_table(table, frame, inside, share),
        (share > 0.6)[None],
        _from_colours(leaves, share, radius, around),
    ])  # fmt: skip
    sets = sets[unlike(sets)]
    if not len(sets):
        sets = (inside > 0)[None]
    return Hypotheses(sets, sets.astype(np.float32) @ leaves.area, _figures(leaves, sets, frame, inside, around))


def _from_table(table: Table, frame: Floats, inside: Floats, share: Floats) -> Bool:
    """Regions whose box fits, whole and cut to the box, and unions of the largest regions inside."""
    fit = box_overlap(table.box.T, frame)
    best = np.argsort(-fit, kind="stable")[:FITTING]
    fitting = table.sets(best)
    fitting = fitting[fitting.astype(np.float32) @ inside > 0.6 * table.area[best]]
    # regions that lie inside the box have boxes that do, or nearly
    margin = 0.05 * np.tile(frame[2:] - frame[:2], 2) * (-1, -1, 1, 1)
    enclosed = ((table.box - (frame + margin)) * (1, 1, -1, -1) >= 0).all(1)
    rows = np.flatnonzero(enclosed)[::-1][:ENCLOSED]
    sets = table.sets(rows)
    largest: list[int] = []
    covered = np.zeros(len(share), np.bool_)
    for row in np.flatnonzero(sets.astype(np.float32) @ inside >= 0.93 * table.area[rows]):
        if len(largest) < LARGEST and not (covered & sets[row]).any():
            largest.append(int(row))
            covered |= sets[row]
    return np.concatenate(
        [fitting, fitting[:6] & (share > 0.5), sets[largest], np.logical_or.accumulate(sets[largest], 0)[1:]]
    )


def _from_colours(leaves: Leaves, share: Floats, radius: Floats, around: Floats) -> Bool:
    """GrabCut (Rother, Kolmogorov, Blake, 2004) on regions: colours and kinds of both sides, smoothed by walks."""
    outside = share < 0.5
    inner = np.flatnonzero(~outside)
    near = np.flatnonzero((around > 0.05) | ~outside)
    near = near[:: 1 + len(near) // COMPARED]
    akin = probably_one(((leaves.kind[inner, None] - leaves.kind[near]) ** 2).sum(2))
    belief: Doubles = np.clip(1.25 - 0.75 * radius, 0, 1) * (share > 0.6)
    found = []
    for turn in range(ROUNDS):
        here, there = belief @ leaves.colour + 1, ((1 - belief) * around) @ leaves.colour + 1
        evidence = np.log(here / here.sum()) - np.log(there / there.sum())
        vote = 1.5 * (leaves.colour @ evidence) / leaves.area + 1 - 0.8 * radius**2
        mine, theirs = (belief * leaves.area)[near], ((1 - belief) * around * leaves.area)[near]
        vote[inner] += np.log((akin @ mine / (mine.sum() + 1) + 0.03) / (akin @ theirs / (theirs.sum() + 1) + 0.03))
        prior = 1 / (1 + np.exp(-np.clip(vote, -30, 30)))
        pull = np.where(outside, FIXED, 0.15 * np.sqrt(leaves.area))
        belief = random_walks(leaves.paths, np.where(outside, 0, prior)[None], pull[None])[0]
        if turn != 1:
            found += [belief > cut for cut in CUTS]
    return np.stack(found)


def _figures(leaves: Leaves, sets: Bool, frame: Floats, inside: Floats, around: Floats) -> Floats:
    """The leaves' FIGURES and those of a set against the box."""
    member = sets.astype(np.float32)
    area = member @ leaves.area
    bounds = leaves.bounds(sets)
    side = frame[2:] - frame[:2]
    box_area = float(side.prod())
    centre = member @ (leaves.centre * leaves.area[:, None]) / area[:, None]
    off = np.hypot(*((centre - (frame[:2] + frame[2:]) / 2) / side).T)
    here, there = member @ leaves.colour, (1 - member) @ (leaves.colour * around[:, None])
    here /= np.maximum(here.sum(1, keepdims=True), 1)
    there /= np.maximum(there.sum(1, keepdims=True), 1)
    gaps = np.abs(bounds - frame) / np.concatenate([side, side])
    every = np.ones(len(sets))
    return np.column_stack([
        leaves.describe(sets),
        box_overlap(bounds.T, frame),
        area / box_area,
        member @ inside / area,
        off,
        0.5 * ((here - there) ** 2 / (here + there + 1e-6)).sum(1),
        (gaps <= 0.06).sum(1),
        np.minimum(gaps.max(1), 2),
        every * np.log(box_area / leaves.area.sum()),
        every * np.log(side[0] / side[1]),
    ]).astype(np.float32)  # fmt: skip


def box_overlap(boxes: Floats, frame: Floats) -> Floats:
    """Intersection over union of boxes, (4, k), with one box (4,)."""
    wide = np.maximum(0, np.minimum(boxes[2], frame[2]) - np.maximum(boxes[0], frame[0]))
    high = np.maximum(0, np.minimum(boxes[3], frame[3]) - np.maximum(boxes[1], frame[1]))
    common = wide * high
    whole = (boxes[2] - boxes[0]) * (boxes[3] - boxes[1]) + (frame[2] - frame[0]) * (frame[3] - frame[1])
    return np.asarray(common / np.maximum(whole - common, 1e-6), np.float32)
