"""A model that came from elsewhere: believed nothing, checked whole, and made smaller only where nothing is lost."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from typing import Any

import cv2
import fast_simplification  # type: ignore[import-untyped]
import numpy as np
from PIL import Image

from imagequarry.capabilities.intake import Limits, open_picture
from imagequarry.capabilities.meshes import preview, written
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.capabilities.meshes.written import ModelFile
from imagequarry.domain.mesh import MeshOptions, ReadyModel
from imagequarry.errors import InvalidPicture, ModelFailure

_MAGIC, _VERSION = b"glTF", 2
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
# Far more than any maker makes: what is counted here is allocated when the file is read.
_MOST_ELEMENTS = 30_000_000
_MOST_NODES = 10_000
_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")


def of_ready(ready: ReadyModel, options: MeshOptions) -> tuple[ModelFile, bytes]:
    """The model as a file of ours, with a preview (PNG). Raises ``ModelFailure`` where it is no model."""
    shape = read(ready.glb)
    file = ModelFile(ready.glb, len(shape.faces), len(shape.vertices), shape.texture is not None)
    if options.face_limit is not None and file.faces > options.face_limit:
        shape, file = _limited(shape, file, options.face_limit)
    return file, _picture(ready.preview) or preview.of_shape(shape)


def read(glb: bytes) -> Shape:
    """All that the file shows, as one shape. Raises ``ModelFailure`` with a sentence where it is damaged or empty."""
    import trimesh  # here, since where there is SciPy this takes as long as all else that the server loads

    _check(glb)
    try:
        solid: Any = trimesh.load_scene(io.BytesIO(glb), file_type="glb").to_mesh()
        shape = _shape(solid)
    # Readers of foreign bytes raise IndexError, ValueError, KeyError, NotImplementedError, TypeError and more.
    except Exception as error:
        raise ModelFailure("The model is damaged: its geometry cannot be read.") from error
    if not len(shape.faces) or not np.isfinite(shape.vertices).all():
        raise ModelFailure("The model holds no triangles that could be shown.")
    return shape


def _shape(solid: Any) -> Shape:
    """What trimesh read."""
    vertices, faces = np.asarray(solid.vertices, np.float32), np.asarray(solid.faces, np.int32)
    uv, material = getattr(solid.visual, "uv", None), getattr(solid.visual, "material", None)
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if uv is not None and picture is not None and len(uv) == len(vertices):
        return Shape(vertices, faces, np.asarray(uv, np.float32), np.asarray(picture.convert("RGB"), np.uint8))
    if solid.visual.kind == "vertex":
        return Shape(vertices, faces, colours=np.asarray(solid.visual.vertex_colors, np.uint8)[:, :3])
    return Shape(vertices, faces)


def _check(glb: bytes) -> None:
    """The container: magic, version, lengths, and how much its JSON promises."""
    if len(glb) < 20 or glb[:4] != _MAGIC:
        raise ModelFailure("The model is no GLB file.")
    version, length = struct.unpack_from("<II", glb, 4)
    if version != _VERSION:
        raise ModelFailure(f"The model is a GLB of version {version}; 2 is read here.")
    if length != len(glb):
        raise ModelFailure(f"The model was cut short: {len(glb)} of {length} bytes arrived.")
    chunks: list[tuple[int, bytes]] = []
    at = 12
    while at < length:
        if length - at < 8:
            raise ModelFailure("The model is damaged: a part of it has no head.")
        size, kind = struct.unpack_from("<II", glb, at)
        if size > length - at - 8:
            raise ModelFailure("The model is damaged: a part of it is longer than the file.")
        chunks.append((kind, glb[at + 8 : at + 8 + size]))
        at += 8 + size
    if not chunks or chunks[0][0] != _JSON:
        raise ModelFailure("The model is damaged: it does not say what it holds.")
    _check_promises(chunks[0][1])


def _check_promises(head: bytes) -> None:
    try:
        tree = json.loads(head)
        elements = sum(int(accessor["count"]) for accessor in tree.get("accessors", []))
        nodes = len(tree.get("nodes", []))
        compressed = [name for name in tree.get("extensionsRequired", []) if name in _COMPRESSED]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFailure("The model is damaged: what it says of itself cannot be read.") from error
    if compressed:
        raise ModelFailure(f"The model is compressed with {compressed[0]}, which is not read here.")
    if elements > _MOST_ELEMENTS or nodes > _MOST_NODES:
        raise ModelFailure("The model is larger than any that is read here.")


def _limited(shape: Shape, file: ModelFile, limit: int) -> tuple[Shape, ModelFile]:
    """The model with at most that many faces, where that takes nothing from it but faces; else as it is, and said."""
    if shape.texture is not None or shape.colours is not None:
        note = (
            f"The model has {file.faces} faces, more than the {limit} asked for: with fewer it would lose its colours, "
            "so it was kept as it came."
        )
        return shape, replace(file, notes=(note,))
    points, faces = fast_simplification.simplify(shape.vertices, shape.faces, target_count=limit)
    small = Shape(np.asarray(points, np.float32), np.asarray(faces, np.int32))
    made = written.of_shape(small)
    note = f"The model came with {file.faces} faces and was simplified to {made.faces}."
    return small, replace(made, notes=(note,))


def _picture(data: bytes | None) -> bytes | None:
    """The preview that came with a model as a PNG of ours, None where there is none that can be read."""
    if data is None:
        return None
    try:
        raster = open_picture(data, Limits(max_bytes=20 * 2**20, max_side=8192)).raster
    except InvalidPicture:
        return None
    factor = min(1.0, preview.SIDE / max(raster.size))
    size = max(1, round(raster.width * factor)), max(1, round(raster.height * factor))
    file = io.BytesIO()
    small = np.asarray(cv2.resize(raster.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    Image.fromarray(small).save(file, "PNG", compress_level=1)
    return file.getvalue()
