"""SAM as a ``Segmenter``: embed once, click for milliseconds, or find everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Everything, Found, Prompt
from imagequarry.domain.watch import Watch
from imagequarry.engines.huggingface.memory import bounded
from imagequarry.engines.huggingface.sam.candidates import Candidates
from imagequarry.engines.huggingface.sam.decoder import Attended
from imagequarry.engines.huggingface.sam.generator import generate
from imagequarry.engines.huggingface.sam.network import Network, SamEmbedding
from imagequarry.engines.huggingface.sam.upscale import Traced
from imagequarry.engines.huggingface.sam.weights import Loaded
from imagequarry.errors import InvalidPrompt

MOST_POINTS = 1000
FARTHEST = 1e6  # pixels from the origin: beyond, single precision no longer tells positions apart


class SamSegmenter:
    """A loaded SAM, SAM 2.1, EdgeTAM or SAM 3. All methods may be called from many threads at once.

    ``exact`` tells float32 from the faster bfloat16.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._network = Network(loaded)

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return self._network.nbytes

    @property
    def exact(self) -> bool:
        return self._network.exact

    def embed(self, image: Raster) -> SamEmbedding:
        """Compute what all prompts on this picture share. OutOfMemory where there is none for it."""
        with bounded():
            return self._network.embed(image.rgb)

    def pack(self, embedding: SamEmbedding) -> bytes:
        """The embedding as bytes that survive a restart."""
        return self._network.pack(embedding)

    def unpack(self, data: bytes) -> SamEmbedding:
        """What ``pack`` wrote under the same weights; ValueError where it is damaged or of another model."""
        return self._network.unpack(data)

    def predict(self, embedding: SamEmbedding, prompt: Prompt) -> list[Candidate]:
        """Three candidates, the best first. InvalidPrompt where nothing is pointed at."""
        _check(prompt)
        frame = embedding.frame
        with bounded():
            attended = self._network.prompted(embedding, prompt)
            scores = attended.iou[0].tolist()
            traced = self._traced(embedding, attended)
        found = [
            Candidate(
                mask=mask.mask(),
                predicted_iou=min(max(score, 0.0), 1.0),
                stability_score=mask.stability,
                point=_representative(prompt),
                crop_box=Box(0, 0, frame.width, frame.height),
            )
            for mask, score in zip(traced, scores, strict=True)
        ]
        return [found[i] for i in np.argsort([-score for score in scores], kind="stable")]

    def _traced(self, embedding: SamEmbedding, attended: Attended) -> list[Traced]:
        """The three masks of the only prompt at full size."""
        network = self._network
        if network.at_once:
            return network.tracer(embedding.frame).trace(network.several(embedding, attended, np.zeros(1, np.intp))[0])
        upscaler = network.upscaler(embedding.frame)
        return [upscaler.trace(logits) for logits in network.logits(embedding, attended, 0)]

    def everything(self, image: Raster, embedding: SamEmbedding, wish: Everything, watch: Watch) -> Found:
        """Every region of the picture that the wish lets pass, the best first. InvalidInput where the wish makes no
        grid, Cancelled when the watch says so."""
        return self.candidates(image, embedding, wish, watch).answer(wish)

    def candidates(self, image: Raster, embedding: SamEmbedding, wish: Everything, watch: Watch) -> Candidates:
        """All that the wish's grid finds above the wish's thresholds, before duplicates are dropped: worth keeping,
        since other wishes with the same grid and no lower thresholds are answered from it without the model."""
        with bounded():
            return generate(self._network, image.rgb, embedding, wish, watch)


def loosened(wish: Everything, pred_iou_thresh: float, stability_score_thresh: float) -> Everything:
    """The wish with thresholds lowered to these where they are higher: what to keep candidates for."""
    return replace(
        wish,
        pred_iou_thresh=min(wish.pred_iou_thresh, pred_iou_thresh),
        stability_score_thresh=min(wish.stability_score_thresh, stability_score_thresh),
    )


def _check(prompt: Prompt) -> None:
    if not prompt.points and prompt.box is None:
        raise InvalidPrompt("A prompt needs at least one point or a box.")
    if len(prompt.points) != len(prompt.labels):
        raise InvalidPrompt("There must be as many labels as points.")
    if any(label not in (0, 1) for label in prompt.labels):
        raise InvalidPrompt("A label is 1 for foreground or 0 for background.")
    if len(prompt.points) > MOST_POINTS:
        raise InvalidPrompt(f"A prompt holds {MOST_POINTS} points at most.")
    if any(not abs(v) <= FARTHEST for point in prompt.points for v in (point.x, point.y)):
        raise InvalidPrompt("Points must lie on the picture.")
    box = prompt.box
    if box is not None and not (box.is_finite() and all(abs(v) <= FARTHEST for v in (box.x0, box.y0, box.x1, box.y1))):
        raise InvalidPrompt("A box must lie on the picture and have an area.")


def _representative(prompt: Prompt) -> Point:
    wanted = [point for point, label in zip(prompt.points, prompt.labels, strict=True) if label == 1]
    if wanted:
        return wanted[0]
    return prompt.box.centre if prompt.box is not None else prompt.points[0]
