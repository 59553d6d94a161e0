"""A mesh of our own as a GLB file."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.domain.raster import Pixels

_QUALITY = 92
# Matt, as what photographs show mostly is; grey where there is no picture on it.
_ROUGHNESS = 0.9
_GREY = (200, 200, 200, 255)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GLB file and what is in it."""

    glb: bytes = field(repr=False)
    faces: int
    vertices: int
    textured: bool
    notes: tuple[str, ...] = ()


def of_shape(shape: Shape) -> ModelFile:
    """The shape with its texture, and normals, without which viewers would show every triangle by itself."""
    import trimesh  # here, since where there is SciPy this takes as long as all else that the server loads
    from trimesh import visual

    look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": _ROUGHNESS, "baseColorFactor": _GREY}
    if shape.texture is not None:
        look = {**look, "baseColorTexture": _as_jpeg(shape.texture), "baseColorFactor": None}
    material = visual.material.PBRMaterial(**look)  # type: ignore[no-untyped-call]
    solid = trimesh.Trimesh(
        shape.vertices,
        shape.faces,
        vertex_normals=shape.normals,
        visual=visual.TextureVisuals(uv=shape.uv, material=material),  # type: ignore[no-untyped-call]
        process=False,
    )
    glb = solid.export(file_type="glb", include_normals=True)
    assert isinstance(glb, bytes)
    return ModelFile(glb, len(shape.faces), len(shape.vertices), shape.texture is not None)


def as_jpeg(texture: Pixels) -> bytes:
    """The texture as a file: a third of a PNG's size, and quicker."""
    file = io.BytesIO()
    Image.fromarray(texture).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _as_jpeg(texture: Pixels) -> Image.Image:
    """An open JPEG is embedded as it is."""
    return Image.open(io.BytesIO(as_jpeg(texture)), formats=["JPEG"])
