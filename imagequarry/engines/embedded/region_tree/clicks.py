"""Answers to clicks: regions round the first click, then what every further click says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats, Ints
from imagequarry.engines.embedded.region_tree.graph import FIXED, random_walks
from imagequarry.engines.embedded.region_tree.heads import heads
from imagequarry.engines.embedded.region_tree.hypotheses import Hypotheses, overlaps, unlike
from imagequarry.engines.embedded.region_tree.leaves import Leaves
from imagequarry.engines.embedded.region_tree.table import Table

REPLAYED = 6
MIXED = 8
CUTS = (0.35, 0.5, 0.65)


@dataclass(frozen=True, slots=True)
class Click:
    """A position in working pixels, and whether what is meant is there or not there."""

    x: int
    y: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Around:
    """The regions round a click: their ``rows`` in the table, hypotheses, ``score`` (k,), and the click's distances."""

    click: Click
    leaf: int
    rows: Ints
    hypotheses: Hypotheses
    score: Floats
    distance: Floats
    frame: float


def around(leaves: Leaves, table: Table, click: Click) -> Around:
    """All regions that hold a click, scored by how likely one who clicks there means them."""
    leaf = int(leaves.label[click.y, click.x])
    rows = table.around(leaf)
    distance, frame = leaves.distances(click.x, click.y)
    hypotheses = round_click(leaves, table, click, rows, distance, frame)
    return Around(click, leaf, rows, hypotheses, heads()["click"](hypotheses.figures), distance, frame)


def round_click(leaves: Leaves, table: Table, click: Click, rows: Ints, distance: Floats, frame: float) -> Hypotheses:
    """The regions in ``rows`` with the figures of the head ``click``."""
    sets, area = table.sets(rows), table.area[rows]
    radius = np.sqrt(area / np.pi)
    centre = sets.astype(np.float32) @ (leaves.centre * leaves.area[:, None]) / area[:, None]
    off = np.hypot(centre[:, 0] - click.x, centre[:, 1] - click.y) / radius
    alike = overlaps(sets, sets, leaves.area)
    akin = leaves.akin(int(leaves.label[click.y, click.x]))
    figures = np.column_stack([
        table.figures[rows],
        np.minimum(depth(sets, distance, frame) / radius, 2),
        np.minimum(off, 4),
        (sets @ (leaves.area * akin)) / area,
        (sets @ (leaves.area * akin)) / (leaves.area @ akin),
        (alike > 0.8).mean(1),
        alike.mean(1),
    ])  # fmt: skip
    return Hypotheses(sets, area, figures.astype(np.float32))


def depth(sets: Bool, distance: Floats, frame: float) -> Floats:
    """How deep a click lies in each set: the distance to the nearest leaf that is not in it, or to the frame."""
    outside = np.where(sets, np.float32(np.inf), distance).min(1)
    return np.asarray(np.minimum(outside, np.float32(frame)), np.float32)


def answer_clicks(
    leaves: Leaves, table: Table, clicks: Sequence[Click], before: Bool | None = None
) -> tuple[Hypotheses, Floats]:
    """Hypotheses and scores for one or more clicks in the order they were made.

    ``before`` is the answer (n,) the clicks correct, where there is one. Each of the last clicks is taken to correct
    the best answer to those before it.
    """
    seen = [around(leaves, table, click) for click in sorted(clicks, key=lambda click: not click.wanted)[:1]]
    rest = [click for click in clicks if click != seen[0].click]
    if before is None:
        hypotheses, score = first_answer(leaves, seen[0])
    seen += [around(leaves, table, click) for click in rest]
    start = max(1, len(seen) - REPLAYED)
    for known in range(1 if before is not None and len(seen) == 1 else start + 1, len(seen) + 1):
        previous = before if before is not None else hypotheses.sets[int(score.argmax())]
        hypotheses = corrections(leaves, table, seen[:known], previous)
        score = heads()["more"](hypotheses.figures)
        before = None
    return hypotheses, score


def first_answer(leaves: Leaves, around: Around) -> tuple[Hypotheses, Floats]:
    """The answer to one click: the regions round it, or all but them for a background click."""
    hypotheses = around.hypotheses
    if around.click.wanted:
        return hypotheses, around.score
    rest = hypotheses.area < leaves.area.sum()
    if not rest.any():
        return hypotheses, around.score
    turned = Hypotheses(~hypotheses.sets[rest], leaves.area.sum() - hypotheses.area[rest], hypotheses.figures[rest])
    return turned, around.score[rest]


def corrections(leaves: Leaves, table: Table, seen: Sequence[Around], previous: Bool) -> Hypotheses:
    """What may be meant when the newest click corrects ``previous`` (n,), with the figures of the head ``more``.

    Regions round the first click that obey all clicks; the previous answer with a region round the newest click
    added or taken away, and those regions likewise; random walks from the soft claims of all clicks.
    """
    first, newest = seen[0], seen[-1]
    leaf = np.array([a.leaf for a in seen])
    wanted = np.array([a.click.wanted for a in seen])
    nodes = first.hypotheses.sets
    obeys = (nodes[:, leaf] == wanted).all(1)
    near = newest.hypotheses.sets
    others = leaf[wanted != wanted[-1]]
    fits = ~near[:, others].any(1)
    edits = near[fits]
    edited = previous | edits if newest.click.wanted else previous & ~edits
    mixed, mixed_score = _mixed(nodes, first.score, edits, newest.score[fits], leaf[:-1], wanted, newest.click.wanted)
    walked = _walks(leaves, seen, leaf, wanted)
    # the previous answer stays one: two clicks that disagree may lie in one leaf, where nothing obeys both
    sets = np.concatenate([nodes[obeys], edited, walked, mixed, previous[None]])
    kind = np.repeat([0, 1, 2, 3, 4], [int(obeys.sum()), len(edited), len(walked), len(mixed), 1])
    unscored = np.zeros(len(walked), np.float32)
    base = np.concatenate([first.score[obeys], newest.score[fits], unscored, mixed_score, unscored[:1]])
    some = unlike(sets)
    sets, kind, base = sets[some], kind[some], base[some]

    area = sets.astype(np.float32) @ leaves.area
    before = float(leaves.area[previous].sum())
    changed = sets != previous
    change = changed.astype(np.float32) @ leaves.area
    common = (sets & previous).astype(np.float32) @ leaves.area
    wrong = ~previous if newest.click.wanted else previous
    error = float(depth(wrong[None], newest.distance, newest.frame)[0]) / np.sqrt(before / np.pi + 1)
    broken = (sets[:, leaf] != wanted).sum(1)
    radius = np.sqrt(np.maximum(area, 1) / np.pi)
    every = np.ones(len(sets))
    yes, no = _akin(leaves, leaf, wanted)
    weight = sets @ (np.stack([yes, no], 1) * leaves.area[:, None])
    figures = np.column_stack([
        leaves.describe(sets),
        np.minimum(depth(sets, first.distance, first.frame) / radius, 2),
        np.minimum(depth(changed, newest.distance, newest.frame) / np.sqrt(np.maximum(change, 1) / np.pi), 2),
        np.log((change + 1) / (before + 1)),
        every * wanted[-1],
        kind == 0,
        kind == 2,
        kind == 3,
        base,
        common / np.maximum(area + before - common, 1),
        every * min(error, 3),
        every * min(len(seen), 8),
        broken,
        weight / np.maximum(area, 1)[:, None],
        weight / np.maximum(leaves.area @ np.stack([yes, no], 1), 1),
    ])  # fmt: skip
    return Hypotheses(sets, area, figures.astype(np.float32))


def _mixed(
    nodes: Bool, node_score: Floats, edits: Bool, edit_score: Floats, leaf: Ints, wanted: Bool, add: bool
) -> tuple[Bool, Floats]:
    """Regions round the first click with a region round the newest added or taken away, and the mean of their scores.

    The best-scored MIXED of each are tried that obey the clicks in between.
    """
    one = np.argsort(-node_score, kind="stable")[:MIXED]
    two = np.argsort(-edit_score, kind="stable")[:MIXED]
    pairs = nodes[one][:, None] | edits[two] if add else nodes[one][:, None] & ~edits[two]
    sets = pairs.reshape(-1, nodes.shape[1])
    score = ((node_score[one][:, None] + edit_score[two]) / 2).ravel()
    obeys = (sets[:, leaf] == wanted[:-1]).all(1)
    return sets[obeys], score[obeys]


def _walks(leaves: Leaves, seen: Sequence[Around], leaf: Ints, wanted: Bool) -> Bool:
    """Random walks from the claims of all clicks on all regions, cut at several levels, (k, n)."""
    claim = np.zeros((2, leaves.count))
    for a in seen:
        sets = a.hypotheses.sets
        against = sets[:, leaf[wanted != a.click.wanted]].any(1)
        weight = np.exp((a.score - a.score.max()) / 0.1) * np.where(against, 0.3, 1)
        side = int(a.click.wanted)
        claim[side] = np.maximum(claim[side], weight / weight.sum() @ sets.astype(np.float32))
    prior = np.clip(0.5 + 0.5 * (claim[1] - np.maximum(claim[0], 1 - claim[1])), 0, 1)
    prior[leaf] = wanted
    yes, no = _akin(leaves, leaf, wanted)
    kin = np.clip(0.5 + 0.5 * (yes - np.maximum(no, 0.3)), 0, 1).astype(np.float64)
    kin[leaf] = wanted
    pull = np.outer([0.3, 0.05, 0.1, 0.1], np.sqrt(leaves.area))
    pull[:, leaf] = FIXED
    reached = random_walks(leaves.paths, np.stack([prior, prior, kin, (prior + kin) / 2]), pull)
    return np.concatenate([reached > cut for cut in CUTS])


def _akin(leaves: Leaves, leaf: Ints, wanted: Bool) -> tuple[Floats, Floats]:
    """How akin every leaf is to the nearest in kind of the clicks on what is meant, and of those beside it, (n,)."""
    nothing = np.zeros((1, leaves.count), np.float32)
    sides = [[leaves.akin(int(k)) for k in leaf[wanted == side]] for side in (True, False)]
    yes, no = (np.concatenate([nothing, np.reshape(side, (-1, leaves.count))]).max(0) for side in sides)
    return yes, no
