"""From a picture, the mask of its subject and an engine's idea of its relief to a mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from imagequarry.domain.mask import BoolArray, Mask
from imagequarry.domain.mesh import Mesh, MeshOptions, Quality
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.watch import Watch
from imagequarry.engines.solids.closing import Solid, cushion, slab
from imagequarry.engines.solids.fields import Floats
from imagequarry.engines.solids.inflation import inflated
from imagequarry.engines.solids.outline import MOST_PIXELS, Outline, outline_of
from imagequarry.engines.solids.texture import Skin, skin_of

FACES: dict[Quality, int] = {"draft": 10_000, "standard": 100_000, "high": 400_000}
"""How many faces a mesh has, at most, where nobody limits them."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a picture that a relief is wanted of.

    ``rgb`` (h, w, 3), shrunk to at most MOST_PIXELS a side; ``inside`` (h, w) the subject, None where all of the part
    counts; ``area`` its left, top, right and bottom edges in pixels of the picture, whose margins may lie outside.
    """

    rgb: Pixels = field(repr=False)
    inside: BoolArray | None = field(repr=False)
    area: tuple[float, float, float, float]


Relief = Callable[[Part], Floats]
"""(h, w) float32, -1 (far) to 1 (near): how a part rises over the body that its outline gives."""


@dataclass(frozen=True, slots=True)
class Proportions:
    """How high what is raised, in shares.

    ``body``: the height of the blown-up outline, of that of a ball. ``relief``: that of the relief on it at 1, of the
    subject's largest half width. ``rim``: how far from the outline, of the same, the relief has risen to its full
    height. ``slab_relief`` and ``slab_floor``: from the deepest to the highest point of a slab, and the plate below,
    of the picture's longer side.
    """

    body: float
    relief: float
    rim: float
    slab_relief: float
    slab_floor: float


def mesh_of(
    image: Raster, mask: Mask | None, relief: Relief, proportions: Proportions, options: MeshOptions, watch: Watch
) -> Mesh:
    """The subject blown up, with the relief on its front; the whole picture as a slab where there is none.

    Raises InvalidInput where the face limit is too low, ValueError for the mask of a picture of another size.
    """
    if mask is not None and mask.size != image.size:
        raise ValueError("The mask is of a picture of another size.")
    subject = mask if mask is not None and 0 < mask.area < image.width * image.height else None
    most, exactly = options.face_limit or FACES[options.quality], options.face_limit is not None
    watch.progress(0.0, "measuring the outline" if subject else "measuring the picture")
    if subject is None:
        solid = _slab(image, relief, proportions, most, exactly)
    else:
        solid = _cushion(image, outline_of(subject), relief, proportions, most, exactly)
    watch.check()
    watch.progress(0.6, "putting the picture on")
    mesh = _mesh(solid, skin_of(image, subject, options.quality) if options.texture else None)
    watch.progress(1.0)
    return mesh


def _cushion(
    image: Raster, outline: Outline, relief: Relief, proportions: Proportions, most: int, exactly: bool
) -> Solid:
    body = np.float32(proportions.body) * inflated(outline)
    half_width = float(outline.distance.max())
    risen = np.clip(outline.distance / max(proportions.rim * half_width, 1e-6), 0, 1)
    risen = risen * risen * (3 - 2 * risen)
    rise = relief(_part(image, outline)) * risen
    return cushion(outline, body + rise * np.float32(proportions.relief * half_width), body, most, exactly)


def _slab(image: Raster, relief: Relief, proportions: Proportions, most: int, exactly: bool) -> Solid:
    rgb = image.rgb
    longest = max(image.size)
    if longest > MOST_PIXELS:
        size = (max(1, image.width * MOST_PIXELS // longest), max(1, image.height * MOST_PIXELS // longest))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    rise = relief(Part(rgb, None, (-0.5, -0.5, image.width - 0.5, image.height - 0.5)))
    height = (rise + 1) * np.float32(0.5 * proportions.slab_relief * longest)
    return slab(height, image.size, proportions.slab_floor * longest, most, exactly)


def _part(image: Raster, outline: Outline) -> Part:
    """The picture over an outline's pixels; beyond its border its edge goes on."""
    height, width = outline.inside.shape
    left, top = outline.x0 - outline.scale / 2, outline.y0 - outline.scale / 2
    right, bottom = left + width * outline.scale, top + height * outline.scale
    # Edges of whole pixels: those of the window and as many around it as the margin has.
    x0, y0, x1, y1 = (round(edge + 0.5) for edge in (left, top, right, bottom))
    cut = image.rgb[max(y0, 0) : y1, max(x0, 0) : x1]
    outside = (max(-y0, 0), y1 - max(y0, 0) - cut.shape[0], max(-x0, 0), x1 - max(x0, 0) - cut.shape[1])
    rgb = cv2.copyMakeBorder(cut, *outside, cv2.BORDER_REPLICATE)
    if rgb.shape[:2] != (height, width):
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    return Part(np.asarray(rgb, np.uint8), outline.inside, (left, top, right, bottom))


def _mesh(solid: Solid, skin: Skin | None) -> Mesh:
    low, high = solid.points.min(axis=0), solid.points.max(axis=0)
    vertices = (solid.points - (low + high) / 2) / max(float((high - low).max()), 1e-6)
    vertices[:, 1] *= -1
    faces = np.ascontiguousarray(solid.faces)
    if skin is None:
        return Mesh(vertices.astype(np.float32), faces)
    return Mesh(vertices.astype(np.float32), faces, skin.uv(solid.points), skin.pixels)
