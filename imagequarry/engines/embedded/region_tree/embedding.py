"""What is kept of a picture between prompts, and how it is made: edges, small regions, trees, full-size outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imagequarry.domain.raster import Pixels
from imagequarry.engines.embedded.region_tree.arrays import Floats, Ints, Labels
from imagequarry.engines.embedded.region_tree.colours import colour_words
from imagequarry.engines.embedded.region_tree.edge_net import edge_net
from imagequarry.engines.embedded.region_tree.leaves import Leaves, measure_leaves
from imagequarry.engines.embedded.region_tree.merge import Taste, merge
from imagequarry.engines.embedded.region_tree.regions import small_regions
from imagequarry.engines.embedded.region_tree.table import Table, tabulate
from imagequarry.engines.embedded.region_tree.upscale import carry_to_guide, guide_boxes

LONGEST, SHORTEST = 500, 8
VISIBLE = 6
TASTES: Sequence[Taste] = (
    Taste(),
    Taste(size=0.7, contact=0.2),
    Taste(kind=1.5, contact=0.0),
    Taste(colour=2.0, kind=0.0),
)


@dataclass(frozen=True, slots=True)
class RegionEmbedding:
    """A picture as regions: immutable, shared by threads.

    ``height`` and ``width`` are the picture's; ``leaves`` and ``table`` are in working pixels; ``guide`` is the
    leaves' label map at up to GUIDE pixels along the longest side, **transposed** to (columns, rows): masks are
    written column by column. ``guide_boxes`` (n, 4) tell where in it each leaf lies.
    """

    height: int
    width: int
    leaves: Leaves
    table: Table
    guide: Labels
    guide_boxes: Ints

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.leaves.nbytes + self.table.nbytes + self.guide.nbytes + self.guide_boxes.nbytes

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per picture pixel, along x and along y."""
        h, w = self.leaves.label.shape
        return w / self.width, h / self.height


def embed(rgb: Pixels, tastes: Sequence[Taste] = TASTES) -> RegionEmbedding:
    """Embed an (H, W, 3) uint8 picture of any size."""
    height, width = rgb.shape[:2]
    working = resized(rgb, LONGEST)
    seen = edge_net()(working)
    strength = seen.strength.max(2) * _contrast(working)
    leaves = measure_leaves(small_regions(strength), seen, colour_words(working))
    trees = [merge(leaves, taste) for taste in tastes]
    guide = carry_to_guide(leaves.label, rgb)
    return RegionEmbedding(height, width, leaves, tabulate(leaves, trees), guide, guide_boxes(guide, leaves.count))


def _contrast(rgb: Pixels) -> Floats:
    """How far there is anything to see round each pixel, 0..1, (h, w): flat areas hold no boundary."""
    window = np.ones((7, 7), np.uint8)
    spread = cv2.subtract(cv2.dilate(rgb, window), cv2.erode(rgb, window)).max(2)
    return np.asarray(np.minimum(spread / np.float32(VISIBLE), 1), np.float32)


def resized(rgb: Pixels, longest: int) -> Pixels:
    """The picture at most ``longest`` along its longest side and at least SHORTEST along its shortest."""
    height, width = rgb.shape[:2]
    scale = min(1.0, longest / max(height, width))
    w, h = max(SHORTEST, round(width * scale)), max(SHORTEST, round(height * scale))
    if (h, w) == (height, width):
        return rgb
    enlarging = h > height or w > width
    return np.asarray(
        cv2.resize(rgb, (w, h), interpolation=cv2.INTER_LINEAR if enlarging else cv2.INTER_AREA), np.uint8
    )
