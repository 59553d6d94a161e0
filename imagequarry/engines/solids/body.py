"""The solid for a subject: its outline blown up, with a relief in front and smooth behind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import Mesh, MeshOptions
from imagequarry.domain.raster import Raster
from imagequarry.engines.solids.closing import cushion, faces_of_cushion
from imagequarry.engines.solids.fitting import fitted
from imagequarry.engines.solids.grid import Floats, read
from imagequarry.engines.solids.inflation import inflated
from imagequarry.engines.solids.outline import Outline, outline_of
from imagequarry.engines.solids.patch import patch_of
from imagequarry.engines.solids.skin import limit_of, skin_of

# The relief fades in from the rim over this share of the way to the deepest place.
_FADE = 0.25


def body_over(
    raster: Raster,
    subject: Mask,
    options: MeshOptions,
    relief_of: Callable[[Outline], Floats],
    *,
    thick: float,
    raised: float,
) -> Mesh:
    """A closed body of at most the limit's faces; ``subject`` must not be empty.

    ``relief_of`` gives a relief (h, w) of about -1..1 at the outline's pixels. ``thick`` is the most that front and
    back each stand out, ``raised`` what a relief of 1 adds in front; both are shares of the subject's longer side.
    """
    outline = outline_of(subject)
    patch = patch_of(fitted(outline.distance, outline.deepest, limit_of(options), faces_of_cushion))
    longest, deepest = max(outline.size), max(float(outline.distance.max()), 1.0)
    height = np.sqrt(read(inflated(outline.distance), patch.points), dtype=np.float32)
    height *= np.float32(min(1.0, thick * longest / max(float(height.max()), 1e-6)))
    fade = np.clip(read(outline.distance, patch.points) / (_FADE * deepest), 0, 1)
    relief = raised * longest * read(relief_of(outline), patch.points) * fade
    # However deep the relief, the front stays in front of the back.
    front = np.maximum(height + relief, height / 2)
    vertices, faces = cushion(patch, np.asarray(front, np.float32), -height)
    return skin_of(raster, subject, options).over(outline.in_picture(vertices), faces)
