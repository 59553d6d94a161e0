"""The look of a picture as a vector: three fixed descriptors, weighed against each other and joined."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.card import ModelCard
from imagequarry.domain.describing import Vectors
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.appearance.colours import COLOURS, colours
from imagequarry.engines.embedded.appearance.edges import EDGES, edges
from imagequarry.engines.embedded.appearance.layout import HUE_LAYOUT, LIGHT_LAYOUT, hue_layout, light_layout

Floats = NDArray[np.float32]

WORKING_SIDE = 128
LAYOUT_SIDE = 32

# The share of each descriptor in the cosine. Chosen so that unlike photographs stay below what copies reach, a copy in
# grey included, which keeps only light and edges.
LIGHT_SHARE, EDGE_SHARE, COLOUR_SHARE, HUE_SHARE = 0.37, 0.35, 0.20, 0.08

CARD = ModelCard(
    name="appearance",
    task="image-vectors",
    family="embedded",
    description="Layout, edges and colours as a vector: finds look-alikes and edited copies, nothing to fetch.",
    version="1",
    licence="MIT",
    source="part of this package; fixed rules, nothing fitted",
)


class Appearance:
    """An image encoder that has nothing to load. A picture and its mirror image have the same vector."""

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes: there are none."""
        return 0

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        return LIGHT_LAYOUT + EDGES + COLOURS + HUE_LAYOUT

    def encode(self, images: Sequence[Raster]) -> Vectors:
        """(N, dimension), a row of length 1 for each picture, whatever its size and even if it is of one colour."""
        rows = np.empty((len(images), self.dimension), np.float32)
        for row, image in zip(rows, images, strict=True):
            row[:] = _described(image.rgb)
        return rows


def _described(rgb: NDArray[np.uint8]) -> Floats:
    """The vector (dimension,) of a picture (H, W, 3)."""
    square = cv2.resize(rgb, (WORKING_SIDE, WORKING_SIDE), interpolation=cv2.INTER_AREA)
    lab: Floats = np.asarray(cv2.cvtColor(square.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab), np.float32)
    coarse: Floats = np.asarray(cv2.resize(lab, (LAYOUT_SIDE, LAYOUT_SIDE), interpolation=cv2.INTER_AREA), np.float32)
    vector = np.concatenate(
        [
            np.sqrt(LIGHT_SHARE) * light_layout(coarse),
            np.sqrt(EDGE_SHARE) * edges(lab[..., 0]),
            np.sqrt(COLOUR_SHARE) * colours(coarse),
            np.sqrt(HUE_SHARE) * hue_layout(coarse),
        ]
    )
    # Never zero: the colours of a picture of one colour are as far from even as they can be.
    described: Floats = (vector / np.linalg.norm(vector)).astype(np.float32)
    return described
