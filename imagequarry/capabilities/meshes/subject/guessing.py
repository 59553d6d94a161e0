"""From the pieces of a picture to the set of them that is most likely its subject."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.subject.pieces import Pieces
from imagequarry.capabilities.meshes.subject.scoring import Scoring

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# So many thresholds of how likely pieces belong to the subject give guesses, each with so many of its parts.
_THRESHOLDS, _PARTS = 16, 3
# Shares of a piece that must lie where a person seems to be, and how sure that is.
_PEOPLE, _TRUST = (0.3, 0.5, 0.7), 0.8
# So many of the best guesses are put together with what touches them, so often, as long as the score rises by so much.
_BEST, _ROUNDS, _GAIN = 4, 4, 0.05


@dataclass(frozen=True, slots=True)
class Guesses:
    """Sets of pieces (k, n) that may be the subject, and how sure the segmenter is of each, 0..1."""

    sets: Bools = field(repr=False)
    sure: Floats = field(repr=False)


def best_of(pieces: Pieces, regions: Guesses) -> tuple[Bools, float]:
    """The set (n,) that is most likely the subject, and its score."""
    scoring = Scoring(pieces)
    found = together(together(regions, thresholded(pieces, scoring.likely, regions)), people_of(pieces))
    score = scoring.scores(found.sets, found.sure)
    for _ in range(_ROUNDS):
        first = np.argsort(-score, kind="stable")[:_BEST]
        more = joined(pieces, Guesses(found.sets[first], found.sure[first]), regions)
        higher = scoring.scores(more.sets, more.sure) - _GAIN
        if not len(higher) or higher.max() <= score.max():
            break
        found, score = together(found, more), np.concatenate([score, higher + _GAIN])
    best = int(score.argmax())
    return found.sets[best], float(score[best])


def thresholded(pieces: Pieces, likely: Floats, regions: Guesses) -> Guesses:
    """All pieces that are likely enough, by several measures of enough, and the largest parts of these.

    The segmenter is as sure of them as of the regions that they are like.
    """
    found = []
    for enough in np.unique(np.quantile(likely, np.linspace(0.2, 0.98, _THRESHOLDS))):
        chosen = likely >= enough
        found += [chosen, *pieces.parts(chosen)[:_PARTS]]
    sets = np.unique(np.array(found), axis=0)
    return Guesses(sets, ((_overlaps(pieces, sets, regions.sets) ** 2) * regions.sure).max(1, initial=0))


def people_of(pieces: Pieces) -> Guesses:
    """What lies where people seem to be, by several measures of where that ends; nothing where none seem to be."""
    sets = np.array([pieces.people > share for share in _PEOPLE if (pieces.people > share).any()], np.bool_)
    return Guesses(sets.reshape(-1, pieces.count), np.full(len(sets), _TRUST))


def joined(pieces: Pieces, guesses: Guesses, regions: Guesses) -> Guesses:
    """Each guess with one of the regions that touch it, or with what it encloses."""
    touching = (guesses.sets @ (pieces.contact > 0).astype(np.float64)) > 0
    sets, sure = [], []
    for guess, beside, trust in zip(guesses.sets, touching, guesses.sure, strict=True):
        own, area = float(pieces.area[guess].sum()), regions.sets @ pieces.area
        common = (regions.sets & guess) @ pieces.area
        fits = (common < 0.5 * area) & (area < 1.2 * own) & (regions.sets & beside & ~guess).any(1)
        added = area[fits] - common[fits]
        sets += list(regions.sets[fits] | guess)
        sure += list((own * trust + added * regions.sure[fits]) / (own + added))
        holes = [part for part in pieces.parts(~guess) if not pieces.sides[part].any()]
        sets += [guess | hole for hole in holes]
        sure += [trust] * len(holes)
    return Guesses(np.array(sets, np.bool_).reshape(-1, pieces.count), np.array(sure))


def together(one: Guesses, other: Guesses) -> Guesses:
    """The guesses of both."""
    return Guesses(np.concatenate([one.sets, other.sets]), np.concatenate([one.sure, other.sure]))


def _overlaps(pieces: Pieces, sets: Bools, others: Bools) -> Floats:
    """(k, m) intersection over union of sets (k, n) with others (m, n)."""
    common = (sets * pieces.area) @ others.T.astype(np.float64)
    return common / np.maximum((sets @ pieces.area)[:, None] + others @ pieces.area - common, 1)
