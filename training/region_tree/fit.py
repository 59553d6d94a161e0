"""Fit the heads of the region tree on simulated clicks and boxes; the target is the overlap with a human outline.

usage: python -m training.region_tree.fit BSDS_FOLDER [--images N] [--heads click,box,more,region]
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.embedded.region_tree import heads as fitted
from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats
from imagequarry.engines.embedded.region_tree.boxes import in_box
from imagequarry.engines.embedded.region_tree.clicks import Around, Click, around, corrections, round_click
from imagequarry.engines.embedded.region_tree.embedding import RegionEmbedding, embed
from training.region_tree.bsds import Case, cases, deepest
from training.region_tree.network import fit_head

NUMBERS = Path(fitted.__file__).with_name(fitted.NUMBERS)
KINDS = ("click", "box", "more", "region")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A picture's embedding and its objects: masks (H, W) packed to bits, and the pixels of each leaf that every object
    covers (k, n)."""

    embedding: RegionEmbedding
    packed: list[NDArray[np.uint8]]
    people: list[int]
    cover: Floats

    def outline(self, number: int) -> NDArray[np.bool_]:
        """The mask (H, W) of an object."""
        height, width = self.embedding.height, self.embedding.width
        return np.unpackbits(self.packed[number], count=height * width).reshape(height, width).view(np.bool_)

    def overlap(self, sets: Bool, number: int) -> Floats:
        """Intersection over union of sets of leaves (k, n) with an object."""
        return np.asarray(self.overlaps(sets, slice(number, number + 1))[0], np.float32)

    def overlaps(self, sets: Bool, numbers: slice = slice(None)) -> Floats:
        """The same with several objects, (objects, k)."""
        member, cover = sets.astype(np.float32), self.cover[numbers]
        common = cover @ member.T
        area = member @ self.embedding.leaves.area
        return np.asarray(common / np.maximum(area + cover.sum(1)[:, None] - common, 1), np.float32)


def some(it: Lesson, most: int, rng: np.random.Generator) -> list[tuple[int, NDArray[np.bool_]]]:
    """At most so many of a picture's objects, with their numbers."""
    chosen = rng.permutation(len(it.packed))[:most]
    return [(int(number), it.outline(int(number))) for number in chosen]


def lesson(case: Case) -> Lesson:
    """Embed a case whose picture is no larger than the working size."""
    embedding = embed(case.rgb)
    label = embedding.leaves.label.ravel()
    objects = case.objects
    cover = [np.bincount(label, mask.ravel(), embedding.leaves.count) for mask in objects]
    people = [person for person, masks in enumerate(case.people) for _ in masks]
    packed = [np.packbits(mask) for mask in objects]
    return Lesson(embedding, packed, people, np.array(cover, np.float32).reshape(len(objects), -1))


def click_examples(lessons: list[Lesson], rng: np.random.Generator) -> tuple[list[Floats], list[Floats]]:
    """Figures and overlaps of the regions round a central and round a sloppier click in each object."""
    figures, target = [], []
    for it in lessons:
        leaves, table = it.embedding.leaves, it.embedding.table
        for number, mask in some(it, 60, rng):
            centre, deep, depth = deepest(mask)
            rows, columns = np.nonzero(depth >= 0.6 * deep)
            pick = int(rng.integers(len(rows)))
            for x, y in (centre, (int(columns[pick]), int(rows[pick]))):
                click = Click(x, y, True)
                around_it = table.around(int(leaves.label[y, x]))
                found = round_click(leaves, table, click, around_it, *leaves.distances(x, y))
                figures.append(found.figures)
                target.append(it.overlap(found.sets, number))
    return figures, target


def box_examples(lessons: list[Lesson], rng: np.random.Generator) -> tuple[list[Floats], list[Floats]]:
    """Figures and overlaps of what a tight box may mean, and one drawn a little carelessly."""
    figures, target = [], []
    for it in lessons:
        h, w = it.embedding.leaves.label.shape
        for number, mask in some(it, 40, rng):
            ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            tight = np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1])
            loose = tight + rng.normal(0, 0.02, 4) * np.tile(tight[2:] - tight[:2], 2)
            for box in (tight, loose.round().astype(int)) if number % 3 == 0 else (tight,):
                x0, y0 = max(0, int(box[0])), max(0, int(box[1]))
                x1, y1 = min(w, max(x0 + 1, int(box[2]))), min(h, max(y0 + 1, int(box[3])))
                found = in_box(it.embedding.leaves, it.embedding.table, (x0, y0, x1, y1))
                figures.append(found.figures)
                target.append(it.overlap(found.sets, number))
    return figures, target


def correction_examples(
    lessons: list[Lesson], rng: np.random.Generator, follow: bool
) -> tuple[list[Floats], list[Floats]]:
    """Figures and overlaps of corrections, each click at the deepest point of the deeper error of the answer before.

    The answer taken on is a random one, or with ``follow`` the one the head fitted so far likes best.
    """
    figures, target = [], []
    for it in lessons:
        leaves, table = it.embedding.leaves, it.embedding.table
        for number, mask in some(it, 18, rng):
            (x, y), _, _ = deepest(mask)
            seen: list[Around] = [around(leaves, table, Click(x, y, True))]
            previous = seen[0].hypotheses.sets[int(seen[0].score.argmax())]
            for _ in range(3):
                answer = previous[leaves.label]
                (missed, deep, _), (spilled, deeper, _) = deepest(mask & ~answer), deepest(answer & ~mask)
                if max(deep, deeper) <= 0:
                    break
                click = Click(*missed, True) if deep >= deeper else Click(*spilled, False)
                seen.append(around(leaves, table, click))
                found = corrections(leaves, table, seen, previous)
                overlap = it.overlap(found.sets, number)
                figures.append(found.figures)
                target.append(overlap)
                if follow:
                    choice = int(fitted.heads()["more"](found.figures).argmax())
                else:
                    choice = int(overlap.argmax()) if rng.random() < 0.4 else int(rng.integers(len(overlap)))
                previous = found.sets[choice]
    return figures, target


def region_examples(lessons: list[Lesson]) -> tuple[list[Floats], list[Floats]]:
    """Figures of all regions and their best overlap with an object of a person, averaged over the people."""
    figures, target = [], []
    for it in lessons:
        table = it.embedding.table
        best = it.overlaps(table.sets())
        people = np.array(it.people)
        target.append(np.mean([best[people == person].max(0) for person in np.unique(people)], 0))
        figures.append(table.figures)
    return figures, target


def save(kind: str, numbers: dict[str, Any]) -> None:
    """Write one head into the engine's file and use it from now on."""
    known = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    known[kind] = numbers
    known = {name: value for name, value in known.items() if name in KINDS and value.get("networks")}
    NUMBERS.write_text(json.dumps(known, separators=(",", ":")) + "\n", encoding="utf-8")
    fitted.heads.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bsds", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--heads", default=",".join(KINDS))
    parser.add_argument("--keep", type=Path, help="file to keep the embeddings in, to fit again from the same ones")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    start = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - start:7.0f} s  {what}", flush=True)

    if arguments.keep and arguments.keep.exists():
        lessons: list[Lesson] = pickle.loads(arguments.keep.read_bytes())
    else:
        lessons = [lesson(case) for case in cases(arguments.bsds, "train", arguments.images)]
        if arguments.keep:
            arguments.keep.write_bytes(pickle.dumps(lessons))
    tell(f"{len(lessons)} pictures, {sum(len(it.packed) for it in lessons)} objects")
    wanted = arguments.heads.split(",")
    rng = np.random.default_rng(0)
    if "region" in wanted:
        save("region", fit_head(*region_examples(lessons)))
        tell("region")
    if "click" in wanted:
        save("click", fit_head(*click_examples(lessons, rng)))
        tell("click")
    if "box" in wanted:
        save("box", fit_head(*box_examples(lessons, rng)))
        tell("box")
    if "more" in wanted:
        examples = [correction_examples(lessons, rng, follow=False)]
        save("more", fit_head(*examples[0]))
        tell("more, first round")
        examples.append(correction_examples(lessons, rng, follow=True))
        figures, target = examples[0][0] + examples[1][0], examples[0][1] + examples[1][1]
        save("more", fit_head(figures, target))
        tell("more")


if __name__ == "__main__":
    main()
