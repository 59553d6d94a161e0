"""Wavefront's OBJ, which is text: written with one formatting for all vertices and one for all faces."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.capabilities.meshes.written import as_jpeg

# Kd of 1: a renderer multiplies the picture with it.
_MATERIAL = (
    "newmtl picture\nKa 1.000000 1.000000 1.000000\nKd 1.000000 1.000000 1.000000\nKs 0.000000 0.000000 0.000000\n"
    "illum 1\nmap_Kd texture.jpg\n"
)


def archive(shape: Shape) -> bytes:
    """A zip of ``model.obj``, ``model.mtl`` and ``texture.jpg``, for a shape with a texture."""
    assert shape.texture is not None
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("model.obj", text(shape))
        packed.writestr("model.mtl", _MATERIAL)
        packed.writestr("texture.jpg", as_jpeg(shape.texture), zipfile.ZIP_STORED)
    return file.getvalue()


def text(shape: Shape) -> bytes:
    """The OBJ: vertices, normals, and with a texture its coordinates and the name of the material."""
    parts = ["" if shape.uv is None else "mtllib model.mtl\nusemtl picture\n"]
    parts.append(_lines("v %.6f %.6f %.6f\n", shape.vertices))
    parts.append(_lines("vn %.4f %.4f %.4f\n", shape.normals))
    if shape.uv is not None:
        parts.append(_lines("vt %.6f %.6f\n", shape.uv))
    # Each vertex of a face by the number of its place, its texture coordinates and its normal, all the same here.
    between = "//" if shape.uv is None else "/{0}/"
    corner = [f"{number}{between.format(number)}{number}" for number in range(1, len(shape.vertices) + 1)]
    parts.append("".join([f"f {corner[a]} {corner[b]} {corner[c]}\n" for a, b, c in shape.faces.tolist()]))
    return "".join(parts).encode("ascii")


def _lines(form: str, rows: NDArray[np.float32]) -> str:
    return form * len(rows) % tuple(rows.ravel().tolist())
