"""Meshes from depth: a subject's body with its true relief, or the whole scene in layers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.domain.card import Geometry
from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions, MeshWatch
from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface.depth.layers import layers_over
from imagequarry.engines.huggingface.depth.network import DepthNetwork
from imagequarry.engines.solids.body import body_over
from imagequarry.engines.solids.outline import Outline

Floats = NDArray[np.float32]

# Shares of the subject's longer side, see ``body_over``: the relief says most of the form here.
_THICK, _RAISED = 0.12, 0.12
# What of the subject's depths lies beyond these percentiles is a slip at its edge.
_WITHIN = (3.0, 97.0)


class DepthSolids:
    """A maker of meshes over a depth model."""

    wants_subject = True
    geometry: Geometry = "2.5d"

    def __init__(self, network: DepthNetwork) -> None:
        self._network = network

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return self._network.nbytes

    def make(self, raster: Raster, subject: Mask | None, options: MeshOptions, watch: MeshWatch) -> Mesh:
        """A closed mesh of at most the limit's faces. Raises OutOfMemory, ModelFailure."""
        watch.check()
        near = self._network.nearness(raster)
        watch.check()
        if subject is None or not subject.area:
            return layers_over(raster, near, options)
        return body_over(
            raster, subject, options, lambda outline: relief_of(near, raster, outline), thick=_THICK, raised=_RAISED
        )


def relief_of(near: Floats, raster: Raster, outline: Outline) -> Floats:
    """(h, w) the subject's own depth at its outline's pixels, -1 (furthest) to 1; nothing behind it counts."""
    height, width = outline.distance.shape
    (across, down), (left, top) = outline.scale, outline.corner
    # From the outline's pixels to the picture's, and from those to the model's, whose pixels' centres are halves.
    x, y = near.shape[1] / raster.width, near.shape[0] / raster.height
    place = np.array([[across * x, 0, (left + 0.5) * x - 0.5], [0, down * y, (top + 0.5) * y - 0.5]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    depth = np.asarray(
        cv2.warpAffine(near, place, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
    low, high = np.percentile(depth[outline.distance > 0], _WITHIN)
    if high - low < 1e-4:
        return np.zeros_like(depth)
    return np.asarray(np.clip((depth - low) / (high - low), 0, 1) * 2 - 1, np.float32)
