"""The region tree as a segmentation engine: prompts in pixels in, candidates with masks at full size out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from imagequarry.domain.card import ModelCard
from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Everything, Found, Prompt
from imagequarry.domain.watch import Watch
from imagequarry.engines.embedded.region_tree.arrays import Bool, Floats
from imagequarry.engines.embedded.region_tree.boxes import box_overlap, in_box
from imagequarry.engines.embedded.region_tree.clicks import Click, answer_clicks
from imagequarry.engines.embedded.region_tree.embedding import RegionEmbedding, embed
from imagequarry.engines.embedded.region_tree.everything import find_everything, inner_point
from imagequarry.engines.embedded.region_tree.heads import heads
from imagequarry.engines.embedded.region_tree.hypotheses import Hypotheses, distinct, overlaps
from imagequarry.engines.embedded.region_tree.runs import Runs
from imagequarry.engines.embedded.region_tree.stand_ins import shapes_in_box, shapes_round
from imagequarry.engines.embedded.region_tree.upscale import enlarged, runs_of
from imagequarry.errors import InvalidPrompt

ANSWERS = 3
UNFIT = 0.3
STAND_IN_SCORE = 0.1

CARD = ModelCard(
    name="region-tree",
    task="segment",
    family="embedded",
    description="Regions from boundaries and colours: nothing to fetch, any CPU, milliseconds a prompt.",
    version="2",
    licence="MIT",
    source="part of this package; fitted on the train part of BSDS500",
    size_mb=1,
    everything=Everything(
        points_per_side=64,
        pred_iou_thresh=0.12,
        stability_score_thresh=0.0,
        crop_n_layers=0,
        crop_n_points_downscale_factor=2,
        min_mask_region_area=100,
    ),
)


class RegionTree:
    """A segmenter that has nothing to load and keeps nothing between calls."""

    @property
    def nbytes(self) -> int:
        """Memory held by the fitted numbers, in bytes."""
        return sum(head.nbytes for head in heads().values())

    def embed(self, image: Raster) -> RegionEmbedding:
        """The regions of a picture."""
        return embed(image.rgb)

    def predict(self, embedding: RegionEmbedding, prompt: Prompt) -> list[Candidate]:
        """Three different candidates, best first; fewer only on a picture of too few pixels.

        Raises InvalidPrompt when there is neither a point nor a box, not one label for each point, or no number.
        """
        if len(prompt.points) != len(prompt.labels):
            raise InvalidPrompt("There must be exactly one label for each point.")
        if not prompt.points and prompt.box is None:
            raise InvalidPrompt("A prompt needs a point or a box.")
        corners = [] if prompt.box is None else [prompt.box.x0, prompt.box.y0, prompt.box.x1, prompt.box.y1]
        if not np.isfinite([*(v for p in prompt.points for v in (p.x, p.y)), *corners]).all():
            raise InvalidPrompt("The coordinates of a prompt must be finite numbers.")
        clicks = [_click(embedding, p, label) for p, label in zip(prompt.points, prompt.labels, strict=True)]
        box = None if prompt.box is None else _working_box(embedding, prompt.box)
        leaves, table = embedding.leaves, embedding.table
        if box is None:
            hypotheses, score = answer_clicks(leaves, table, clicks)
        else:
            hypotheses = in_box(leaves, table, box)
            score = heads()["box"](hypotheses.figures)
            if clicks:
                hypotheses, score = _corrected(embedding, hypotheses, score, clicks)
        chosen = distinct(hypotheses, score, leaves.area, ANSWERS)
        stability = [_stability(embedding, hypotheses.sets[index], hypotheses.area[index]) for index in chosen]
        answers: list[Candidate] = []
        fits = box is None or _fills(embedding, hypotheses.sets[chosen[0]], box)
        shapes = _stand_ins(embedding, clicks, box)
        if not fits:
            answers += self._shaped(embedding, shapes, answers)
        for index, steady in zip(chosen, stability, strict=True):
            answers += self._candidate(embedding, hypotheses.sets[index], score[index], steady, answers)
        return (answers + self._shaped(embedding, shapes, answers))[:ANSWERS]

    def everything(self, image: Raster, embedding: RegionEmbedding, wish: Everything, watch: Watch) -> Found:
        """Every region that the wish lets pass, best first."""
        return find_everything(image.rgb, embedding, wish, watch)

    def _candidate(
        self, embedding: RegionEmbedding, leaves: Bool, score: float, stability: float, known: Iterable[Candidate]
    ) -> list[Candidate]:
        """The candidate of a set of leaves (n,), or nothing when it is empty or known."""
        runs = runs_of(leaves, embedding.guide, embedding.guide_boxes, embedding.height, embedding.width)
        if not len(runs.column):
            return []
        bounds = embedding.leaves.bounds(leaves[None])[0]
        point = inner_point(embedding.leaves, leaves, bounds, embedding.scale, (0, 0), runs)
        return _new(embedding, runs, float(np.clip(score, 0, 1)), float(np.clip(stability, 0, 1)), point, known)

    def _shaped(self, embedding: RegionEmbedding, shapes: Iterator[Bool], known: list[Candidate]) -> list[Candidate]:
        """As many stand-ins as are missing."""
        made: list[Candidate] = []
        h, w = embedding.leaves.label.shape
        if len(known) >= ANSWERS:
            return made
        lowest = min((candidate.predicted_iou for candidate in known), default=1.0)
        for shape in shapes:
            if len(known) + len(made) >= ANSWERS:
                break
            runs = enlarged(np.ascontiguousarray(shape.T), (0, 0), (w, h), embedding.height, embedding.width)
            if len(runs.column):
                score = min(STAND_IN_SCORE, lowest) / (1 + len(made))
                made += _new(embedding, runs, score, 0.0, runs.middle(), [*known, *made])
        return made


def _new(
    embedding: RegionEmbedding, runs: Runs, score: float, stability: float, point: Point, known: Iterable[Candidate]
) -> list[Candidate]:
    """The runs as a candidate, unless they are known."""
    mask = runs.mask()
    if any(mask.counts == other.mask.counts for other in known):
        return []
    return [Candidate(mask, score, stability, point, Box(0, 0, embedding.width, embedding.height))]


def _click(embedding: RegionEmbedding, point: Point, label: int) -> Click:
    """A point of the picture in working pixels; one beyond the frame counts as on it."""
    h, w = embedding.leaves.label.shape
    x, y = point.x * embedding.scale[0], point.y * embedding.scale[1]
    return Click(int(np.clip(x, 0, w - 1)), int(np.clip(y, 0, h - 1)), label != 0)


def _working_box(embedding: RegionEmbedding, box: Box) -> tuple[int, int, int, int]:
    """A box of the picture in whole working pixels, at least one each way."""
    h, w = embedding.leaves.label.shape
    (sx, sy), part = embedding.scale, box.clipped(embedding.width, embedding.height)
    x0, y0 = min(max(round(part.x0 * sx), 0), w - 1), min(max(round(part.y0 * sy), 0), h - 1)
    return x0, y0, max(min(round(part.x1 * sx), w), x0 + 1), max(min(round(part.y1 * sy), h), y0 + 1)


def _corrected(
    embedding: RegionEmbedding, hypotheses: Hypotheses, score: Floats, clicks: list[Click]
) -> tuple[Hypotheses, Floats]:
    """What a box means, corrected by clicks: an answer to the box that obeys them all, else one made to."""
    leaf = [int(embedding.leaves.label[click.y, click.x]) for click in clicks]
    wanted = np.array([click.wanted for click in clicks])
    obeys = (hypotheses.sets[:, leaf] == wanted).all(1)
    if obeys.any():
        return Hypotheses(hypotheses.sets[obeys], hypotheses.area[obeys], hypotheses.figures[obeys]), score[obeys]
    return answer_clicks(embedding.leaves, embedding.table, clicks, hypotheses.sets[int(score.argmax())])


def _fills(embedding: RegionEmbedding, leaves: Bool, box: tuple[int, int, int, int]) -> bool:
    """Whether a set of leaves is an answer to a box: not far larger or smaller than it."""
    x0, y0, x1, y1 = box
    inside = np.count_nonzero(leaves[embedding.leaves.label[y0:y1, x0:x1]])
    area = float(embedding.leaves.area[leaves].sum())
    return bool(inside >= UNFIT * area)


def _stability(embedding: RegionEmbedding, leaves: Bool, area: float) -> float:
    """The stability of the region most like a set of leaves (n,), as far as it is like it."""
    table = embedding.table
    bounds = embedding.leaves.bounds(leaves[None])[0]
    like = (box_overlap(table.box.T, bounds) > 0.5) & (np.abs(np.log(table.area / area)) < 0.7)
    rows = np.flatnonzero(like)
    if not len(rows):
        return 0.0
    alike = overlaps(leaves[None], table.sets(rows), embedding.leaves.area)[0]
    nearest = int(alike.argmax())
    return float(alike[nearest] * table.stability[rows[nearest]])


def _stand_ins(
    embedding: RegionEmbedding, clicks: list[Click], box: tuple[int, int, int, int] | None
) -> Iterator[Bool]:
    """Shapes for a prompt that no region answers, in working pixels."""
    h, w = embedding.leaves.label.shape
    if box is not None:
        yield from shapes_in_box((h, w), box)
        yield from shapes_round((h, w), (box[0] + box[2]) // 2, (box[1] + box[3]) // 2, True)
    for click in clicks[:1]:
        yield from shapes_round((h, w), click.x, click.y, click.wanted)
