"""Closed solids: a patch with a front and a back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagequarry.engines.solids.patch import Patch, Size

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def faces_of_cushion(size: Size) -> int:
    """Faces of the cushion over a patch of that size."""
    return 2 * size.faces


def cushion(patch: Patch, front: Floats, back: Floats) -> tuple[Floats, Ints]:
    """Vertices (V, 3) and faces of a body whose front and back meet on the outline.

    ``front`` and ``back`` (N,) are the heights of the patch's points; the outline's own lie at zero. x and y stay those
    of the patch. No triangle has all its corners on the outline, so front and back share no face.
    """
    count, inner = len(patch.points), len(patch.points) - patch.rim
    heights = np.concatenate([front[:inner], np.zeros(patch.rim, np.float32), back[:inner]])
    flat = np.concatenate([patch.points, patch.points[:inner]])
    behind = np.where(patch.faces < inner, patch.faces + count, patch.faces)[:, ::-1]
    return np.column_stack([flat, heights]).astype(np.float32), np.concatenate([patch.faces, behind]).astype(np.int32)


def faces_of_column(size: Size) -> int:
    """Faces of the column over a patch of that size."""
    return 2 * size.faces + 2 * size.edges


def column(patch: Patch, front: Floats, back: Floats) -> tuple[Floats, Ints]:
    """Vertices and faces of a body with upright walls between front and back, along the whole outline."""
    count = len(patch.points)
    vertices = np.concatenate([np.column_stack([patch.points, z]) for z in (front, back)]).astype(np.float32)
    start, end = patch.edges[:, 0], patch.edges[:, 1]
    walls = [np.stack([end, start, start + count], 1), np.stack([end, start + count, end + count], 1)]
    return vertices, np.concatenate([patch.faces, patch.faces[:, ::-1] + count, *walls]).astype(np.int32)
