"""Meshes as files: GLB and OBJ with their texture, PLY with colours, STL with nothing but the shape."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from PIL import Image
from trimesh.visual.material import PBRMaterial, SimpleMaterial
from trimesh.visual.texture import TextureVisuals

from imagequarry.capabilities.files import write_atomically
from imagequarry.capabilities.meshes.formats import KINDS, ZIPPED, Format, Kind
from imagequarry.domain.mesh import Mesh
from imagequarry.domain.raster import Pixels

JPEG_QUALITY = 90
STL_LONGEST = 100.0  # STL has no unit; printers read millimetres

_MATERIAL_NAME = "picture"


@dataclass(frozen=True, slots=True)
class MeshFile:
    """A mesh as bytes, and what kind of file they are."""

    data: bytes = field(repr=False)
    kind: Kind


def encoded(mesh: Mesh, format: Format) -> MeshFile:
    """The mesh in a format; an OBJ with a texture as a zip of ``model.obj``, its material and its picture."""
    if format == "glb":
        return MeshFile(_glb(mesh), KINDS["glb"])
    if format == "obj":
        return _obj(mesh)
    if format == "ply":
        return MeshFile(
            _bytes(_plain(mesh, colours=_colours(mesh)).export(file_type="ply", vertex_normal=True)), KINDS["ply"]
        )
    plain = _plain(mesh)
    plain.apply_scale(STL_LONGEST)
    return MeshFile(_bytes(plain.export(file_type="stl")), KINDS["stl"])


def write(mesh: Mesh, format: Format, folder: Path, stem: str = "model") -> Path:
    """Write the mesh into a folder, whole or not at all, as ``stem`` with the ending of its kind; the file's path.

    Raises ``StorageFailure``.
    """
    file = encoded(mesh, format)
    target = folder / f"{stem}{file.kind.suffix}"
    write_atomically(target, file.data)
    return target


def _glb(mesh: Mesh) -> bytes:
    solid = _plain(mesh, colours=mesh.colours)
    if mesh.texture is not None and mesh.uv is not None:
        solid.visual = TextureVisuals(uv=mesh.uv, material=_pbr(mesh.texture))
    elif mesh.colours is None:
        # Without a material of its own a mesh is drawn as metal.
        solid.visual = TextureVisuals(material=PBRMaterial(metallicFactor=0.0, roughnessFactor=0.9))
    return _bytes(trimesh.Scene(solid).export(file_type="glb", include_normals=True))


def _pbr(texture: Pixels) -> PBRMaterial:
    return PBRMaterial(name=_MATERIAL_NAME, baseColorTexture=_Jpeg.of(texture), metallicFactor=0.0, roughnessFactor=0.9)


def _obj(mesh: Mesh) -> MeshFile:
    if mesh.texture is None or mesh.uv is None:
        return MeshFile(_bytes(_plain(mesh, colours=mesh.colours).export(file_type="obj")), KINDS["obj"])
    # A PBR material turned into one of OBJ's would darken the picture.
    material = SimpleMaterial(
        image=_Jpeg.of(mesh.texture), diffuse=[255] * 4, ambient=[255] * 4, specular=[0, 0, 0, 255], name=_MATERIAL_NAME
    )
    solid = _plain(mesh)
    solid.visual = TextureVisuals(uv=mesh.uv, material=material)
    text, beside = trimesh.exchange.obj.export_obj(
        solid, include_normals=True, return_texture=True, mtl_name="model.mtl", digits=6
    )
    return MeshFile(zipped({"model.obj": text.encode(), **beside}), ZIPPED)


def zipped(files: dict[str, bytes]) -> bytes:
    """Files in an archive; pictures are stored as they are."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
        for name, data in files.items():
            # A fixed date: the same mesh is the same file.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            is_picture = name.endswith((".jpg", ".jpeg", ".png"))
            entry.compress_type = zipfile.ZIP_STORED if is_picture else zipfile.ZIP_DEFLATED
            packed.writestr(entry, data)
    return archive.getvalue()


def _plain(mesh: Mesh, colours: Any = None) -> trimesh.Trimesh:
    return trimesh.Trimesh(
        mesh.vertices, mesh.faces, vertex_normals=mesh.normals, vertex_colors=colours, process=False, validate=False
    )


def _colours(mesh: Mesh) -> Any:
    """(V, 4) uint8: a vertex's own colour, else that of the texture where it lies."""
    if mesh.uv is None or mesh.texture is None:
        return mesh.colours
    height, width = mesh.texture.shape[:2]
    x = np.clip((mesh.uv[:, 0] * width).astype(np.intp), 0, width - 1)
    y = np.clip(((1 - mesh.uv[:, 1]) * height).astype(np.intp), 0, height - 1)
    return np.column_stack([mesh.texture[y, x], np.full(len(x), 255, np.uint8)])


def _bytes(exported: object) -> bytes:
    return exported.encode() if isinstance(exported, str) else bytes(exported)  # type: ignore[call-overload]


class _Jpeg(Image.Image):
    """A picture that is saved as the JPEG it was encoded to once, fast and in our quality."""

    data: bytes

    @classmethod
    def of(cls, pixels: Pixels) -> _Jpeg:
        image = cls()
        image.__dict__.update(Image.fromarray(pixels).__dict__)
        image.format = "JPEG"
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        image.data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
        return image

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        """Write the JPEG, whatever else is asked for: everything here asks for that."""
        fp.write(self.data)
